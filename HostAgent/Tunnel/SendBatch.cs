using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Selection;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Datagrams on their way to one socket, sent by one sendmmsg(2), and the frames they came from: a frame is delivered when the kernel has
/// accepted all of its datagrams. The datagrams' bytes stay where they are, in the ring or in the batch's own header memory, until they are
/// sent. Towards a UDP socket, datagrams of equal size that follow each other travel as one message, which the kernel cuts (UDP_SEGMENT);
/// towards a sniffed link long runs of them do, see <see cref="SegmentedRuns"/>.
/// </summary>
internal sealed unsafe class SendBatch : IDisposable
{
    private const int MaxFrames = 512;
    private const int MaxParts = 1024;
    private const int HeaderBytes = 128 << 10;

    private readonly NativeSocket _socket;
    private readonly ShardLedger _ledger;
    private readonly int _shard;
    private readonly SegmentedRuns? _runs;
    private readonly mmsghdr* _messages;
    private readonly iovec* _parts = (iovec*)NativeMemory.AllocZeroed(MaxParts, (nuint)sizeof(iovec));
    private readonly NetinetUdp.SegmentControl* _controls;
    private readonly byte* _headers = (byte*)NativeMemory.Alloc(HeaderBytes);
    private readonly Message[] _contents;
    private readonly SentFrame[] _frames = new SentFrame[MaxFrames];
    private int _datagramsPerMessage;
    private int _messageCount;
    private int _partCount;
    private int _headerBytes;
    private int _frameCount;
    private bool _frameOpen;

    /// <param name="socket">Connected or bound to where the datagrams go; stays its owner's.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <param name="maxMessages">How many it sends at once.</param>
    /// <param name="datagramsPerMessage">How many the kernel may be given in one message: 1, or up to <see cref="NetinetUdp.MaxSegments"/>
    /// for UDP.</param>
    /// <param name="runs">The other way for long runs of equal datagrams; stays its owner's.</param>
    public SendBatch(
        NativeSocket socket, ShardLedger ledger, int shard, int maxMessages = 128, int datagramsPerMessage = 1, SegmentedRuns? runs = null)
    {
        _socket = socket;
        _ledger = ledger;
        _shard = shard;
        _datagramsPerMessage = datagramsPerMessage;
        _runs = runs;
        _contents = new Message[maxMessages];
        _messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)maxMessages, (nuint)sizeof(mmsghdr));
        _controls = (NetinetUdp.SegmentControl*)NativeMemory.AllocZeroed((nuint)maxMessages, (nuint)sizeof(NetinetUdp.SegmentControl));
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

    public void EndFrame() => _frameOpen = false;

    /// <summary>The open frame cannot be sent (whole): it becomes a loss once its datagrams so far are settled.</summary>
    public void AbandonFrame(LossReason reason) => _frames[_frameCount - 1].Fail(reason);

    /// <summary>The open frame, or a datagram of it, does not fit the sensor's link and leaves as IP fragments.</summary>
    public void Fragmented() => _frames[_frameCount - 1].Fragmented = true;

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
        if (alone || _messageCount == 0 || !_contents[_messageCount - 1].TryJoin(length, _datagramsPerMessage))
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
        if (_messageCount > 0) Send();
        Settle();
        _messageCount = 0;
        _partCount = 0;
        _headerBytes = 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_parts);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_headers);
    }

    // Room for one more datagram, so that between Header and Add nothing is sent.
    private bool IsFull => _messageCount == _contents.Length || _partCount + 3 > MaxParts;

    private void AddPart(Bytes part)
    {
        _parts[_partCount++] = new iovec { iov_base = part.Start, iov_len = (nuint)part.Length };
        _messages[_messageCount - 1].msg_hdr.msg_iovlen++;
    }

    private void Send()
    {
        for (int i = 0; i < _messageCount && _datagramsPerMessage > 1; i++)
        {
            if (_contents[i].Datagrams <= 1) continue;
            _controls[i] = new NetinetUdp.SegmentControl((ushort)_contents[i].DatagramLength);
            _messages[i].msg_hdr.msg_control = _controls + i;
            _messages[i].msg_hdr.msg_controllen = (nuint)sizeof(NetinetUdp.SegmentControl);
        }

        for (int next = 0; next < _messageCount;)
        {
            int run = 0;
            int singly = _runs?.Find(_messages + next, _messageCount - next, out run) ?? _messageCount - next;
            SendSingly(next, next + singly);
            next += singly;
            if (run > 0) SendRun(_runs!, next, next + run);
            next += run;
        }
    }

    private void SendRun(SegmentedRuns runs, int start, int end)
    {
        switch (runs.Send(_messages + start, end - start))
        {
            case 0:
                _ledger.Sent(end - start);
                break;
            case Errno.EINVAL or Errno.EMSGSIZE or Errno.EOPNOTSUPP:
                SendSingly(start, end);
                break;
            default:
                // Some of it may have been sent, so it is not sent again.
                Fail(_contents[start].FirstFrame, _contents[end - 1].LastFrame);
                break;
        }
    }

    private void SendSingly(int next, int end)
    {
        bool retried = false;
        while (next < end)
        {
            int accepted = sendmmsg(_socket.Descriptor, _messages + next, (uint)(end - next), 0);
            if (accepted > 0)
            {
                // Fewer than asked for: the next call says why, and for which message.
                for (int then = next + accepted; next < then; next++) _ledger.Sent(_contents[next].Datagrams);
                retried = false;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno == Errno.ECONNREFUSED && !retried)
            {
                // An answer to an earlier datagram, reported now; this one has not been tried.
                _ledger.Refused();
                retried = true;
                continue;
            }

            // A path without checksum offload cannot take UDP_SEGMENT; from now on each datagram goes by itself.
            if (_contents[next].Datagrams > 1 && errno is Errno.EIO or Errno.EINVAL) _datagramsPerMessage = 1;
            Fail(_contents[next].FirstFrame, _contents[next].LastFrame);
            next++;
            retried = false;
        }
    }

    private void Fail(int firstFrame, int lastFrame)
    {
        for (int i = firstFrame; i <= lastFrame; i++) _frames[i].Fail(LossReason.SendError);
    }

    private void Settle()
    {
        long now = Frame.Now;
        int settled = _frameOpen ? _frameCount - 1 : _frameCount;
        for (int i = 0; i < settled; i++)
        {
            ref SentFrame frame = ref _frames[i];
            if (frame.Failed)
            {
                _ledger.Lost(frame.Reason);
                frame.Link.Pod.Counters(_shard).LostOne();
            }
            else
            {
                _ledger.Delivered(frame.Length, now - frame.Timestamp);
                if (frame.Fragmented) _ledger.Fragmented();
            }
        }

        if (_frameOpen && settled > 0) _frames[0] = _frames[settled];
        _frameCount = _frameOpen ? 1 : 0;
    }

    /// <summary>
    /// What one element of sendmmsg's array holds: equal datagrams, of which only the last may be shorter; or a fragment of one.
    /// </summary>
    private struct Message
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

    private struct SentFrame
    {
        public MirroredLink Link;
        public int Length;
        public long Timestamp;
        public bool Fragmented;
        public bool Failed;
        public LossReason Reason;

        public void Fail(LossReason reason)
        {
            if (!Failed) Reason = reason;
            Failed = true;
        }
    }
}
