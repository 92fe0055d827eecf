using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Interop;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// A batch for one socket, sent by one sendmmsg(2). Towards a UDP socket, datagrams of equal size that follow each other travel as one
/// message, which the kernel cuts (UDP_SEGMENT); towards a sniffed link long runs of them do, see <see cref="SegmentedRuns"/>.
/// </summary>
internal sealed unsafe class SocketBatch : SendBatch
{
    private readonly NativeSocket _socket;
    private readonly SegmentedRuns? _runs;
    private readonly NetinetUdp.SegmentControl* _controls;

    /// <param name="socket">Connected or bound to where the datagrams go; stays its owner's.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <param name="maxMessages">How many it sends at once.</param>
    /// <param name="datagramsPerMessage">
    /// How many the kernel may be given in one message: 1, or up to <see cref="NetinetUdp.MaxSegments"/> for UDP.
    /// </param>
    /// <param name="runs">The other way for long runs of equal datagrams; stays its owner's.</param>
    public SocketBatch(
        NativeSocket socket, ShardLedger ledger, int shard, int maxMessages = 128, int datagramsPerMessage = 1, SegmentedRuns? runs = null)
        : base(ledger, shard, maxMessages, datagramsPerMessage)
    {
        _socket = socket;
        _runs = runs;
        _controls = (NetinetUdp.SegmentControl*)NativeMemory.AllocZeroed((nuint)maxMessages, (nuint)sizeof(NetinetUdp.SegmentControl));
    }

    public override void Dispose()
    {
        base.Dispose();
        NativeMemory.Free(_controls);
    }

    protected override void Send(mmsghdr* messages, int count)
    {
        for (int i = 0; i < count && DatagramsPerMessage > 1; i++)
        {
            if (Content(i).Datagrams <= 1) continue;
            _controls[i] = new NetinetUdp.SegmentControl((ushort)Content(i).DatagramLength);
            messages[i].msg_hdr.msg_control = _controls + i;
            messages[i].msg_hdr.msg_controllen = (nuint)sizeof(NetinetUdp.SegmentControl);
        }

        for (int next = 0; next < count;)
        {
            int run = 0;
            int singly = _runs?.Find(messages + next, count - next, out run) ?? count - next;
            SendSingly(messages, next, next + singly);
            next += singly;
            if (run > 0) SendRun(_runs!, messages, next, next + run);
            next += run;
        }
    }

    private void SendRun(SegmentedRuns runs, mmsghdr* messages, int start, int end)
    {
        switch (runs.Send(messages + start, end - start))
        {
            case 0:
                Accepted(start, end);
                break;
            case Errno.EINVAL or Errno.EMSGSIZE or Errno.EOPNOTSUPP:
                SendSingly(messages, start, end);
                break;
            default:
                // Some of it may have been sent, so it is not sent again.
                Failed(start, end);
                break;
        }
    }

    private void SendSingly(mmsghdr* messages, int next, int end)
    {
        bool retried = false;
        while (next < end)
        {
            int accepted = sendmmsg(_socket.Descriptor, messages + next, (uint)(end - next), 0);
            if (accepted > 0)
            {
                // Fewer than asked for: the next call says why, and for which message.
                Accepted(next, next + accepted);
                next += accepted;
                retried = false;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno == Errno.ECONNREFUSED && !retried)
            {
                // An answer to an earlier datagram, reported now; this one has not been tried.
                NobodyListens();
                retried = true;
                continue;
            }

            // A path without checksum offload cannot take UDP_SEGMENT; from now on each datagram goes by itself.
            if (Content(next).Datagrams > 1 && errno is Errno.EIO or Errno.EINVAL) DatagramsPerMessage = 1;
            Failed(next, next + 1);
            next++;
            retried = false;
        }
    }
}
