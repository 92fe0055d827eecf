using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Sensors;

/// <summary>A sensor that takes one connection after the other and reads pcap records (pcap-savefile(5)) from it, where they lie.</summary>
internal sealed class StreamReceiver : IReceiver
{
    private const int WaitMilliseconds = 100;
    private const int FileHeader = 24, RecordHeader = 16;

    private readonly Socket _listener;
    private readonly byte[] _buffer = new byte[1 << 20];
    private Socket? _connection;
    private int _filled;
    private bool _begun;

    /// <param name="address">Of this process's namespace.</param>
    /// <param name="count">The first.</param>
    public StreamReceiver(IPAddress address, TunnelCount count)
    {
        Count = count;
        _listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(address, TunnelCount.Port));
        _listener.Listen();
    }

    public TunnelCount Count { get; set; }

    /// <summary>What it is too slow for stays with the agent.</summary>
    public long Dropped => 0;

    public bool Receive()
    {
        if (_connection is null && !Accept()) return false;
        int received = _connection!.Receive(_buffer.AsSpan(_filled), SocketFlags.None, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.TimedOut) return false;
        if (received <= 0)
        {
            _connection.Dispose();
            _connection = null;
            return false;
        }

        _filled += received;
        Count.Time = RealTime.Now;
        int taken = Take(_buffer.AsSpan(0, _filled));
        _buffer.AsSpan(taken, _filled - taken).CopyTo(_buffer);
        _filled -= taken;
        return true;
    }

    public void Dispose()
    {
        _connection?.Dispose();
        _listener.Dispose();
    }

    private bool Accept()
    {
        if (!_listener.Poll(TimeSpan.FromMilliseconds(WaitMilliseconds), SelectMode.SelectRead)) return false;
        _connection = _listener.Accept();
        _connection.ReceiveTimeout = WaitMilliseconds;
        (_filled, _begun) = (0, false);
        return true;
    }

    /// <summary>Takes in whole records.</summary>
    /// <returns>How many bytes they are.</returns>
    private int Take(ReadOnlySpan<byte> stream)
    {
        int at = 0;
        if (!_begun)
        {
            if (stream.Length < FileHeader) return 0;
            _begun = true;
            at = FileHeader;
        }

        while (stream.Length - at >= RecordHeader)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(stream[(at + 8)..]);
            if (length > _buffer.Length - RecordHeader) throw new InvalidDataException($"a record of {length} bytes");
            if (stream.Length - at - RecordHeader < length) break;
            Count.TakeCarried(stream.Slice(at + RecordHeader, length));
            at += RecordHeader + length;
        }

        return at;
    }
}
