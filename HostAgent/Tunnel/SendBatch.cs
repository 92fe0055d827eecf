using System.Runtime.InteropServices;
using HostAgent.Interop;
using HostAgent.Observability;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Datagrams on their way to one socket, sent by one sendmmsg(2), and the frames they came from: a frame is delivered when the kernel has
/// accepted all of its datagrams. The datagrams' bytes stay where they are, in the ring or in the batch's own header memory, until they are sent.
/// </summary>
internal sealed unsafe class SendBatch : IDisposable
{
    private const int MaxMessages = 128;
    private const int MaxParts = 2;
    private const int HeaderBytes = 64 << 10;

    private readonly NativeSocket _socket;
    private readonly ShardLedger _ledger;
    private readonly int _shard;
    private readonly mmsghdr* _messages = (mmsghdr*)NativeMemory.AllocZeroed(MaxMessages, (nuint)sizeof(mmsghdr));
    private readonly iovec* _parts = (iovec*)NativeMemory.AllocZeroed(MaxMessages * MaxParts, (nuint)sizeof(iovec));
    private readonly byte* _headers = (byte*)NativeMemory.Alloc(HeaderBytes);
    private readonly int[] _frameOfMessage = new int[MaxMessages];
    private readonly SentFrame[] _frames = new SentFrame[MaxMessages + 1];
    private int _messageCount;
    private int _headerBytes;
    private int _frameCount;
    private bool _frameOpen;

    public SendBatch(NativeSocket socket, ShardLedger ledger, int shard)
    {
        _socket = socket;
        _ledger = ledger;
        _shard = shard;
        for (int i = 0; i < MaxMessages; i++) _messages[i].msg_hdr.msg_iov = _parts + (i * MaxParts);
    }

    /// <summary>The longest header that <see cref="Header"/> gives memory for.</summary>
    public static int MaxHeader => 512;

    /// <summary>All datagrams added until <see cref="EndFrame"/> are this frame's.</summary>
    public void BeginFrame(MirroredLink link, int length, long timestamp)
    {
        if (_frameCount == MaxMessages) Flush();
        _frames[_frameCount++] = new SentFrame { Link = link, Length = length, Timestamp = timestamp };
        _frameOpen = true;
    }

    public void EndFrame() => _frameOpen = false;

    /// <summary>The open frame cannot be sent (whole): it becomes a loss once its datagrams so far are settled.</summary>
    public void AbandonFrame(LossReason reason)
    {
        ref SentFrame frame = ref _frames[_frameCount - 1];
        frame.Failed = true;
        frame.Reason = reason;
    }

    /// <summary>The open frame does not fit the sensor's link and leaves as IP fragments.</summary>
    public void Fragmented() => _ledger.Fragmented();

    /// <summary>Memory for a header, to be given to <see cref="Add"/> next; it is the batch's own until the datagram is sent.</summary>
    public byte* Header(int length)
    {
        if (_messageCount == MaxMessages || _headerBytes + length > HeaderBytes) Flush();
        byte* at = _headers + _headerBytes;
        _headerBytes += length;
        return at;
    }

    /// <summary>Adds one datagram of one or two parts.</summary>
    public void Add(byte* first, int firstLength, byte* second = null, int secondLength = 0)
    {
        if (_messageCount == MaxMessages) Flush();
        iovec* parts = _parts + (_messageCount * MaxParts);
        parts[0].iov_base = first;
        parts[0].iov_len = (nuint)firstLength;
        parts[1].iov_base = second;
        parts[1].iov_len = (nuint)secondLength;
        _messages[_messageCount].msg_hdr.msg_iovlen = secondLength > 0 ? 2u : 1u;
        _frameOfMessage[_messageCount++] = _frameCount - 1;
    }

    /// <summary>Sends what was added and settles its frames. Afterwards no datagram refers to ring memory any more.</summary>
    public void Flush()
    {
        if (_frameCount == 0) return;
        if (_messageCount > 0) Send();
        Settle();
        _messageCount = 0;
        _headerBytes = 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_parts);
        NativeMemory.Free(_headers);
    }

    private void Send()
    {
        int next = 0;
        bool retried = false;
        while (next < _messageCount)
        {
            int accepted = sendmmsg(_socket.Descriptor, _messages + next, (uint)(_messageCount - next), 0);
            if (accepted > 0)
            {
                // Fewer than asked for: the next call says why, and for which datagram.
                next += accepted;
                _ledger.Sent(accepted);
                retried = false;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno == Errno.ECONNREFUSED && !retried)
            {
                // An answer to an earlier datagram, reported now; this one has not been tried.
                retried = true;
                continue;
            }

            ref SentFrame frame = ref _frames[_frameOfMessage[next]];
            frame.Failed = true;
            frame.Reason = LossReason.SendError;
            next++;
            retried = false;
        }
    }

    private void Settle()
    {
        long now = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
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
            }
        }

        if (_frameOpen && settled > 0) _frames[0] = _frames[settled];
        _frameCount = _frameOpen ? 1 : 0;
    }

    private struct SentFrame
    {
        public MirroredLink Link;
        public int Length;
        public long Timestamp;
        public bool Failed;
        public LossReason Reason;
    }
}
