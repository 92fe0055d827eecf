using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Selection;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// A shard's records on their way into a stream. What the kernel has room for goes from where it lies, all that a batch holds with one
/// call. What it has no room for waits in a backlog, and with it the account of its frames, until the reader has made room or is gone.
/// </summary>
internal sealed unsafe class StreamBatch : SendBatch
{
    private const int MaxRecords = 512;
    private const int KnownLinks = 1024;

    private readonly StreamConnection _connection;
    private readonly RecordFormat _format;
    private readonly StreamBacklog _backlog = new();
    private readonly byte* _trailers = (byte*)NativeMemory.Alloc(MaxRecords * RecordFormat.MaxTrailer);
    private readonly (LinkCounters[]? Link, int Number)[] _numbers = new (LinkCounters[]?, int)[KnownLinks];
    private readonly int[] _parts = new int[MaxFrames];
    private int _epoch;

    /// <param name="connection">Whose stream it is.</param>
    /// <param name="format">How records look.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    public StreamBatch(StreamConnection connection, RecordFormat format, ShardLedger ledger, int shard)
        : base(ledger, shard, MaxRecords, datagramsPerMessage: 1) => (_connection, _format) = (connection, format);

    public ReaderLoad Load { get; } = new();

    /// <summary>Whether records can be added; as of the last <see cref="Advance"/>.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether records wait for the reader.</summary>
    public bool Waits => !_backlog.IsEmpty;

    /// <summary>The part of all flows that the next frame belongs to (<see cref="FlowPart"/>).</summary>
    public int Part { get; set; }

    private bool IsCurrent => _connection.IsOpen && _connection.Epoch == _epoch;

    /// <summary>Adds a record of the open frame.</summary>
    /// <param name="header">Where the record's header goes; what is behind it is the record's first part.</param>
    /// <param name="first">Bytes of the first part, behind the header.</param>
    /// <param name="second">What follows, anywhere in memory.</param>
    public void AddRecord(byte* header, int first, Bytes second)
    {
        // A send in between would give the trailer's place to another record.
        if (IsFull) Flush();
        ref SentFrame frame = ref FrameAt(LastFrame);
        _parts[LastFrame] = Part;
        int length = first + second.Length;
        _format.WriteHeader(header, _format.HasInterfaces ? NumberOf(frame.Link) : 0, frame.Timestamp, length);
        byte* trailer = _trailers + (NextMessage * RecordFormat.MaxTrailer);
        var end = new Bytes(trailer, _format.WriteTrailer(trailer, length));
        var start = new Bytes(header, _format.HeaderLength + first);
        if (second.Length > 0) Add(start, second, end);
        else Add(start, end);
    }

    /// <inheritdoc cref="StreamConnection.WriteRecord"/>
    public bool WriteBeside(uint vni, ReadOnlySpan<byte> frame)
    {
        lock (_connection.Gate) return _connection.WriteRecord(vni, frame);
    }

    /// <summary>Brings the connection a step further, and sends what waits.</summary>
    public void Advance()
    {
        long now = Environment.TickCount64;
        lock (_connection.Gate)
        {
            _connection.Advance(now);
            if (IsCurrent) SendWaiting();
            if (!IsCurrent)
            {
                LoseWaiting();
                if (_epoch != _connection.Epoch) Array.Clear(_numbers);
                _epoch = _connection.Epoch;
            }

            IsOpen = _connection.IsOpen;
            if (IsOpen) _connection.MayWrite(this);
        }

        Load.Observe(_backlog.Fill, now);
    }

    public override void Dispose()
    {
        lock (_connection.Gate)
        {
            if (IsCurrent) SendWaiting();
            byte[] rest = [];
            if (_connection.Holder == this)
            {
                iovec* parts = stackalloc iovec[2];
                _backlog.Peek(onlyFirst: true, parts);
                rest = [.. Span(parts[0]), .. Span(parts[1])];
            }

            _connection.Leave(this, rest);
            LoseWaiting();
        }

        base.Dispose();
        _backlog.Dispose();
        NativeMemory.Free(_trailers);

        static ReadOnlySpan<byte> Span(iovec part) => new(part.iov_base, (int)part.iov_len);
    }

    protected override void Send(mmsghdr* messages, int count)
    {
        lock (_connection.Gate)
        {
            int next = 0;
            if (IsCurrent) SendWaiting();
            if (IsCurrent && _backlog.IsEmpty && _connection.MayWrite(this)) next = SendAtOnce(messages, count);
            if (IsCurrent) Keep(messages, next, count);
            else if (next < count) Failed(next, count);
        }
    }

    /// <summary>Sends what the kernel has room for. A frame of which a part has gone is kept.</summary>
    /// <returns>How many messages are dealt with.</returns>
    private int SendAtOnce(mmsghdr* messages, int count)
    {
        iovec* parts = messages[0].msg_hdr.msg_iov;
        ref readonly msghdr last = ref messages[count - 1].msg_hdr;
        nint taken = _connection.Write(parts, (int)(last.msg_iov - parts) + (int)last.msg_iovlen);
        int next = 0;
        for (; next < count && taken >= Content(next).Length; next++) taken -= Content(next).Length;
        if (next > 0) Accepted(0, next);
        _connection.Handed(next);
        if (next == count || taken < 0) return next;
        bool torn = taken > 0 || (next > 0 && Content(next).FirstFrame == Content(next - 1).FirstFrame);
        if (!torn) return next;
        int end = EndOfFrame(next, count);
        Append(messages, next, end, (int)taken);
        _connection.Holder = this;
        return end;
    }

    /// <summary>Has messages wait, frame by frame, for which there is room; the others' flows are given up.</summary>
    private void Keep(mmsghdr* messages, int next, int count)
    {
        for (int end; next < count; next = end)
        {
            end = EndOfFrame(next, count);
            int frame = Content(next).FirstFrame, bytes = 0;
            if (FrameAt(frame).Failed) continue;
            for (int i = next; i < end; i++) bytes += Content(i).Length;
            if (_backlog.HasRoom(end - next, bytes))
            {
                Append(messages, next, end, 0);
                continue;
            }

            Failed(next, end, LossReason.SensorSlow);
            Load.GiveUp(_parts[frame]);
        }
    }

    private int EndOfFrame(int message, int count)
    {
        int end = message + 1;
        while (end < count && Content(end).FirstFrame == Content(message).FirstFrame) end++;
        return end;
    }

    private void Append(mmsghdr* messages, int first, int end, int skip)
    {
        int frame = Content(first).FirstFrame;
        bool unfinished = IsUnfinished(frame);
        for (int i = first; i < end; i++)
        {
            for (int part = 0; part < (int)messages[i].msg_hdr.msg_iovlen; part++)
            {
                iovec bytes = messages[i].msg_hdr.msg_iov[part];
                int skipped = Math.Min(skip, (int)bytes.iov_len);
                skip -= skipped;
                _backlog.Append((byte*)bytes.iov_base + skipped, (int)bytes.iov_len - skipped);
            }

            _backlog.Close(i == end - 1 && !unfinished ? FrameAt(frame) : null);
        }

        FrameAt(frame).Taken = !unfinished;
    }

    private void SendWaiting()
    {
        iovec* parts = stackalloc iovec[2];
        while (!_backlog.IsEmpty && IsCurrent && _connection.MayWrite(this))
        {
            int count = _backlog.Peek(onlyFirst: _connection.Holder == this, parts);
            nint taken = _connection.Write(parts, count);
            if (taken <= 0) break;
            _backlog.Remove(taken);
            long now = Frame.Now;
            while (_backlog.TryTake(out StreamBacklog.Waiting sent))
            {
                Left(1);
                _connection.Handed(1);
                if (sent.Frame is { } frame) Settle(frame, now);
            }

            _connection.Holder = _backlog.IsTorn ? this : null;
        }
    }

    /// <summary>What waits is for a reader that is gone, and was too slow for it.</summary>
    private void LoseWaiting()
    {
        _backlog.Remove(_backlog.Bytes);
        while (_backlog.TryTake(out StreamBacklog.Waiting lost))
        {
            if (lost.Frame is not { } frame) continue;
            frame.Fail(LossReason.SensorSlow);
            Settle(frame, 0);
        }
    }

    private int NumberOf(MirroredLink link)
    {
        ref (LinkCounters[]? Link, int Number) known = ref _numbers[link.Index % KnownLinks];
        if (ReferenceEquals(known.Link, link.Shards)) return known.Number;
        lock (_connection.Gate)
        {
            // Of a connection that has ended no record is sent, so any number will do.
            if (!IsCurrent) return 0;
            known = (link.Shards, _connection.NumberOf(link));
            return known.Number;
        }
    }
}
