using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Selection;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Datagrams on their way, and the frames they came from: a frame is delivered when all of its datagrams were accepted. The datagrams'
/// bytes stay where they are, in the ring or in the batch's own header memory, until they are sent. How they are sent is for who derives
/// from this.
/// </summary>
internal abstract unsafe class SendBatch : IDisposable
{
    /// <summary>Frames between two sends.</summary>
    protected const int MaxFrames = 512;

    private const int MaxParts = 1024;
    private const int HeaderBytes = 128 << 10;

    private readonly ShardLedger _ledger;
    private readonly int _shard;
    private readonly mmsghdr* _messages;
    private readonly iovec* _parts = (iovec*)NativeMemory.AllocZeroed(MaxParts, (nuint)sizeof(iovec));
    private readonly byte* _headers = (byte*)NativeMemory.Alloc(HeaderBytes);
    private readonly Message[] _contents;
    private readonly SentFrame[] _frames = new SentFrame[MaxFrames];
    private int _messageCount;
    private int _partCount;
    private int _headerBytes;
    private int _frameCount;
    private bool _frameOpen;

    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <param name="maxMessages">How many it sends at once.</param>
    /// <param name="datagramsPerMessage">How many equal datagrams may be one message, which the kernel cuts.</param>
    protected SendBatch(ShardLedger ledger, int shard, int maxMessages, int datagramsPerMessage)
    {
        _ledger = ledger;
        _shard = shard;
        DatagramsPerMessage = datagramsPerMessage;
        _contents = new Message[maxMessages];
        _messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)maxMessages, (nuint)sizeof(mmsghdr));
    }

    /// <summary>The longest header that <see cref="Header"/> gives memory for.</summary>
    public static int MaxHeader => 512;

    /// <summary>All datagrams added until <see cref="EndFrame"/> are this frame's.</summary>
    public void BeginFrame(MirroredLink link, int length, long timestamp)
    {
        if (_frameCount == MaxFrames) Flush();
        _frames[_frameCount++] = new SentFrame { Link = link, Length = length, Timestamp = timestamp };
        _frameOpen = true;
    }

    /// <param name="loss">
    /// Why the open frame cannot be sent (whole): it becomes a loss once its datagrams so far are settled. Null when all of it was added.
    /// </param>
    public void EndFrame(LossReason? loss)
    {
        if (loss is LossReason reason) _frames[_frameCount - 1].Fail(reason);
        _frameOpen = false;
    }

    /// <summary>The open frame, or a datagram of it, does not fit the sensor's link and leaves as IP fragments.</summary>
    public void Fragmented() => _frames[_frameCount - 1].Fragmented = true;

    /// <summary>A datagram of the open frame holds so many of the segments that the wire would have carried.</summary>
    public void Merged(int segments) => _frames[_frameCount - 1].Merged += segments;

    /// <summary>Memory for a header, to be given to <see cref="Add"/> next; it is the batch's own until the datagram is sent.</summary>
    public byte* Header(int length)
    {
        if (IsFull || _headerBytes + length > HeaderBytes) Flush();
        byte* at = _headers + _headerBytes;
        _headerBytes += length;
        return at;
    }

    /// <summary>Adds one datagram of up to three parts; a part of no length is none.</summary>
    /// <param name="first">Where the datagram starts.</param>
    /// <param name="second">What follows.</param>
    /// <param name="third">What follows that.</param>
    /// <param name="alone">True for what must not share a message: a datagram that the kernel has to fragment, and a fragment of
    /// one.</param>
    /// <param name="moreFollows">True for a fragment that others follow: the datagram is counted with its last one.</param>
    public void Add(Bytes first, Bytes second = default, Bytes third = default, bool alone = false, bool moreFollows = false)
    {
        if (IsFull) Flush();
        int length = first.Length + second.Length + third.Length;
        if (alone || _messageCount == 0 || !_contents[_messageCount - 1].TryJoin(length, DatagramsPerMessage))
        {
            _contents[_messageCount] = new Message
            {
                DatagramLength = length,
                Length = length,
                Datagrams = moreFollows ? 0 : 1,
                FirstFrame = _frameCount - 1,
                Closed = alone,
            };
            _messages[_messageCount++].msg_hdr = new msghdr { msg_iov = _parts + _partCount };
        }

        AddPart(first);
        if (second.Length > 0) AddPart(second);
        if (third.Length > 0) AddPart(third);
        _contents[_messageCount - 1].LastFrame = _frameCount - 1;
    }

    /// <summary>Sends what was added and settles its frames. Afterwards no datagram refers to ring memory any more.</summary>
    public void Flush()
    {
        if (_frameCount == 0) return;
        if (_messageCount > 0) Send(_messages, _messageCount);
        Settle();
        _messageCount = 0;
        _partCount = 0;
        _headerBytes = 0;
    }

    public virtual void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_parts);
        NativeMemory.Free(_headers);
    }

    /// <summary>How many equal datagrams may be one message from now on.</summary>
    protected int DatagramsPerMessage { get; set; }

    /// <summary>Sends the messages, in their order, and says of each that it is <see cref="Accepted"/> or <see cref="Failed"/>.</summary>
    protected abstract void Send(mmsghdr* messages, int count);

    /// <summary>What is in the message.</summary>
    protected ref readonly Message Content(int message) => ref _contents[message];

    /// <summary>Messages from <paramref name="first"/> to before <paramref name="end"/> went.</summary>
    protected void Accepted(int first, int end)
    {
        for (int i = first; i < end; i++) _ledger.Sent(_contents[i].Datagrams);
    }

    /// <summary>The receiver's host has answered an earlier datagram: nobody listens.</summary>
    protected void NobodyListens() => _ledger.Unreachable();

    /// <summary>
    /// Messages from <paramref name="first"/> to before <paramref name="end"/> did not go, or not whole. Nor did the frames they came from.
    /// </summary>
    protected void Failed(int first, int end, LossReason reason = LossReason.SendError)
    {
        for (int i = _contents[first].FirstFrame; i <= _contents[end - 1].LastFrame; i++) _frames[i].Fail(reason);
    }

    /// <summary>Datagrams left that were not messages of this batch any more.</summary>
    protected void Left(int datagrams) => _ledger.Sent(datagrams);

    /// <summary>The place of the frame that was begun last.</summary>
    protected int LastFrame => _frameCount - 1;

    /// <summary>The place of the datagram that is added next, unless the batch is full.</summary>
    protected int NextMessage => _messageCount;

    protected ref SentFrame FrameAt(int frame) => ref _frames[frame];

    /// <summary>Whether datagrams of this frame are still to be added.</summary>
    protected bool IsUnfinished(int frame) => _frameOpen && frame == LastFrame;

    /// <summary>Puts a frame on the ledger.</summary>
    /// <param name="frame">Of the shard that the batch is of.</param>
    /// <param name="now">Nanoseconds of Unix time.</param>
    protected void Settle(in SentFrame frame, long now)
    {
        if (frame.Failed)
        {
            _ledger.Lost(frame.Reason);
            frame.Link.Pod.Counters(_shard).NotSent(frame.Reason);
            return;
        }

        _ledger.Delivered(frame.Length, now - frame.Timestamp);
        if (frame.Fragmented) _ledger.Fragmented();
        _ledger.Merged(frame.Merged);
    }

    // Room for one more datagram, so that between Header and Add nothing is sent.
    protected bool IsFull => _messageCount == _contents.Length || _partCount + 3 > MaxParts;

    private void AddPart(Bytes part)
    {
        _parts[_partCount++] = new iovec { iov_base = part.Start, iov_len = (nuint)part.Length };
        _messages[_messageCount - 1].msg_hdr.msg_iovlen++;
    }

    private void Settle()
    {
        long now = Frame.Now;
        int settled = _frameOpen ? _frameCount - 1 : _frameCount;
        for (int i = 0; i < settled; i++)
        {
            if (!_frames[i].Taken) Settle(_frames[i], now);
        }

        if (_frameOpen && settled > 0) _frames[0] = _frames[settled];
        _frameCount = _frameOpen ? 1 : 0;
    }

    /// <summary>
    /// What one element of sendmmsg's array holds: equal datagrams, of which only the last may be shorter; or a fragment of one.
    /// </summary>
    protected struct Message
    {
        public int DatagramLength;
        public int Length;
        public int Datagrams;
        public int FirstFrame;
        public int LastFrame;
        public bool Closed;

        public bool TryJoin(int length, int most)
        {
            if (Closed || Datagrams >= most || length > DatagramLength || Length + length > NetinetUdp.MaxSegmentedBytes) return false;
            Datagrams++;
            Length += length;
            Closed = length < DatagramLength;
            return true;
        }
    }
}
