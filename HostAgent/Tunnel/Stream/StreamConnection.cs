using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Selection;
using HostAgent.Sensors;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// The one TCP connection to a sensor that reads a stream. All shards share it, since such a sensor (netcat before a program, a
/// PCAP-over-IP server) takes one stream for one capture. Nothing here blocks: whoever flushes brings the connection a step further. All
/// but <see cref="Problem"/> and <see cref="Changed"/> is for who holds <see cref="Gate"/>, which is for a batch and not for a frame.
/// </summary>
internal sealed unsafe class StreamConnection
{
    private const long FirstPause = 100, LongestPause = 5000, StatisticsEvery = 10_000;

    private readonly SensorEndpoint _sensor;
    private readonly RecordFormat _format;
    private readonly Dictionary<LinkCounters[], int> _numbers = [];
    private readonly Dictionary<uint, int> _canaries = [];
    private readonly List<(int Number, MirroredLink Link, PodTraffic Before)> _links = [];
    private readonly StreamSecurity? _security;
    private readonly Guid _stream = Guid.NewGuid();
    private StreamSocket? _socket;
    private long _handed;
    private byte[] _own = [];
    private int _introduced, _ownRecords, _users;
    private long _since, _notBefore, _pause = FirstPause, _nextStatistics;
    private volatile string? _problem;

    /// <param name="sensor">Where to.</param>
    /// <param name="format">What is written.</param>
    /// <param name="users">How many batches share it; each has to <see cref="Leave"/>.</param>
    /// <param name="security">How it is encrypted; null for not at all.</param>
    public StreamConnection(SensorEndpoint sensor, RecordFormat format, int users, StreamSecurity? security = null)
    {
        (_sensor, _format, _users, _security) = (sensor, format, users, security);
        _problem = $"connecting to {Name}";
    }

    /// <summary>Raised when <see cref="Problem"/> comes or goes, by whoever notices.</summary>
    public event Action? Changed;

    public Lock Gate { get; } = new();

    /// <summary>Rises whenever a connection begins or ends: what was written for another one is worth nothing.</summary>
    public int Epoch { get; private set; }

    public bool IsOpen { get; private set; }

    /// <summary>The only one that may write at the moment, since it has written a part of its records; null for anybody.</summary>
    public StreamBatch? Holder { get; set; }

    /// <summary>Why there is no connection, in words for an operator; null while there is one.</summary>
    public string? Problem => _problem;

    /// <summary>What an operator should know of it though it works.</summary>
    public string? Warning => _security?.Files.Warning;

    /// <inheritdoc cref="TlsFiles.Ends"/>
    public DateTimeOffset? CertificateEnds() => _security?.Files.Ends();

    private string Name => $"sensor {_sensor.Address} port {_sensor.Port}";

    private SectionOrigin? Origin => _security is { } security ? new SectionOrigin(security.Node, _stream, _handed) : null;

    /// <summary>Connects, or waits until it is time to, or writes what is due.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Advance(long now)
    {
        if (_socket is null && now >= _notBefore && _users > 0) _socket = StreamSocket.Connect(_sensor, _security, Name, now);
        if (_socket is null) return;
        _socket.Advance(now);
        if (_socket.Problem is { } problem) End(problem, now);
        else if (IsOpen) WriteStatistics(now);
        else if (_socket.IsOpen) Begin(now);
    }

    /// <summary>The number under which this connection knows the link; introduces it before it is first used.</summary>
    public int NumberOf(MirroredLink link)
    {
        if (_numbers.TryGetValue(link.Shards, out int number)) return number;
        _numbers.Add(link.Shards, number = _introduced++);
        _links.Add((number, link, link.Pod.Traffic()));
        _own = [.. _own, .. _format.Interface(link)];
        return number;
    }

    /// <summary>Writes a record that is no batch's, before those of all batches that have not begun.</summary>
    /// <returns>False when there is no connection, or the reader has not taken what was written so before.</returns>
    public bool WriteRecord(uint vni, ReadOnlySpan<byte> frame)
    {
        if (!IsOpen || _own.Length > 0) return false;
        if (!_canaries.TryGetValue(vni, out int number))
        {
            _canaries.Add(vni, number = _format.HasInterfaces ? _introduced++ : 0);
            _own = _format.Canaries(vni);
        }

        byte[] record = new byte[_format.HeaderLength + frame.Length + RecordFormat.MaxTrailer];
        frame.CopyTo(record.AsSpan(_format.HeaderLength));
        int length = _format.HeaderLength + frame.Length;
        fixed (byte* at = record)
        {
            _format.WriteHeader(at, number, Frame.Now, frame.Length);
            length += _format.WriteTrailer(at + length, frame.Length);
        }

        _own = [.. _own, .. record.AsSpan(0, length)];
        _ownRecords++;
        WriteOwn();
        return IsOpen;
    }

    /// <summary>So many records more were written whole.</summary>
    public void Handed(int records) => _handed += records;

    /// <summary>Whether this batch may write records: none of others is half written, and what comes before them is.</summary>
    public bool MayWrite(StreamBatch batch)
    {
        if (Holder is not null) return Holder == batch;
        WriteOwn();
        return IsOpen && _own.Length == 0;
    }

    /// <inheritdoc cref="StreamSocket.Write"/>
    public nint Write(iovec* parts, int count)
    {
        nint taken = _socket!.Write(parts, count);
        if (taken < 0) End(_socket.Problem!, Environment.TickCount64);
        return taken;
    }

    /// <summary>A batch ends. With the last one the connection does, too, in the background where the reader is slow.</summary>
    /// <param name="batch">Who.</param>
    /// <param name="rest">What is left of its records in case it <see cref="Holder"/> is: a reader is not to get half of one.</param>
    public void Leave(StreamBatch batch, ReadOnlySpan<byte> rest)
    {
        if (Holder == batch)
        {
            Holder = null;
            _own = [.. rest, .. _own];
            if (rest.Length > 0) Handed(1);
        }

        if (--_users > 0) return;
        if (IsOpen)
        {
            AddStatistics();
            Handed(_ownRecords);
            _ownRecords = 0;
            // A section without a record: its number says how many there were.
            if (_security is not null) _own = [.. _own, .. _format.FileHeader(Origin)];
            WriteOwn();
        }

        // Whoever writes the last words has the socket now.
        _socket?.CloseAfter(IsOpen ? _own : []);
        (_socket, IsOpen) = (null, false);
        Epoch++;
    }

    private void Begin(long now)
    {
        Epoch++;
        IsOpen = true;
        _since = now;
        _own = _format.FileHeader(Origin);
        _nextStatistics = now + StatisticsEvery;
        Tell(null);
        WriteOwn();
    }

    private void End(string problem, long now)
    {
        // One that takes a connection and ends it at once is not asked all the time.
        if (IsOpen && now - _since > LongestPause) _pause = FirstPause;
        _notBefore = now + _pause;
        _pause = Math.Min(LongestPause, _pause * 2);
        Epoch++;
        IsOpen = false;
        Holder = null;
        _socket?.Dispose();
        _socket = null;
        _own = [];
        (_introduced, _ownRecords) = (0, 0);
        _numbers.Clear();
        _canaries.Clear();
        _links.Clear();
        Tell(problem);
    }

    private void Tell(string? problem)
    {
        if (problem == _problem) return;
        _problem = problem;
        Changed?.Invoke();
    }

    private void WriteStatistics(long now)
    {
        if (now < _nextStatistics) return;
        _nextStatistics = now + StatisticsEvery;
        // A reader that takes nothing is told once.
        if (_own.Length == 0) AddStatistics();
    }

    private void AddStatistics()
    {
        foreach ((int number, MirroredLink link, PodTraffic before) in _links)
        {
            PodTraffic now = link.Pod.Traffic();
            _own = [.. _own, .. _format.Statistics(number, Frame.Now, now.Frames - before.Frames, now.Lost - before.Lost)];
        }
    }

    /// <summary>Writes what is no batch's, while no batch is in the middle of its own.</summary>
    private void WriteOwn()
    {
        if (!IsOpen || _own.Length == 0 || Holder is not null) return;
        nint taken;
        fixed (byte* at = _own)
        {
            var part = new iovec { iov_base = at, iov_len = (nuint)_own.Length };
            taken = Write(&part, 1);
        }

        if (taken > 0) _own = _own[(int)taken..];
        if (taken < 0 || _own.Length > 0) return;
        Handed(_ownRecords);
        _ownRecords = 0;
    }
}
