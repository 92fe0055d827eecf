using System.Net.Sockets;
using System.Runtime.InteropServices;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxNetlink;

namespace HostAgent.Links;

/// <summary>A NETLINK_ROUTE socket of the network namespace of the thread that opened it. Used by one thread at a time.</summary>
internal sealed class RtnetlinkSocket : IDisposable
{
    /// <summary>
    /// The kernel fills dump messages up to 32 KiB; a notification of a link with very many virtual functions can be larger.
    /// </summary>
    private const int DefaultBuffer = 128 * 1024;

    private const int MaxRepeats = 10;

    private readonly Socket _socket;
    private readonly byte[] _buffer;
    private int _sequence;

    /// <exception cref="ErrnoException">The kernel gave no socket.</exception>
    public unsafe RtnetlinkSocket(int buffer = DefaultBuffer)
    {
        _buffer = new byte[buffer];
        // System.Net.Sockets cannot create a socket of this family, but works with a descriptor of one.
        int descriptor = SysSocket.socket(SysSocket.AF_NETLINK, SysSocket.SOCK_RAW | SysSocket.SOCK_CLOEXEC, NETLINK_ROUTE);
        if (descriptor < 0) throw ErrnoException.Last("socket", "AF_NETLINK");
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        var address = new sockaddr_nl { nl_family = SysSocket.AF_NETLINK };
        if (SysSocket.bind(handle, &address, (uint)sizeof(sockaddr_nl)) != 0)
        {
            ErrnoException failure = ErrnoException.Last("bind", "AF_NETLINK");
            handle.Dispose();
            throw failure;
        }

        _socket = new Socket(handle);
    }

    /// <summary>How many dumps were repeated because the table changed under them (NLM_F_DUMP_INTR).</summary>
    public long Repeated { get; private set; }

    /// <summary>SO_RCVBUF in bytes, within the limit that the host sets (net.core.rmem_max).</summary>
    public int ReceiveBuffer
    {
        set => _socket.ReceiveBufferSize = value;
    }

    public void Subscribe(int group)
    {
        _socket.SetRawSocketOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, BitConverter.GetBytes(group));
    }

    /// <summary>
    /// Waits for a datagram of messages. Empty when the time is over.
    /// </summary>
    /// <param name="timeout">At least a millisecond; the kernel's own timer (SO_RCVTIMEO) does the waiting.</param>
    /// <param name="overflow">True when notifications were lost because the receive buffer was full (ENOBUFS).</param>
    public ReadOnlySpan<byte> Receive(TimeSpan timeout, out bool overflow)
    {
        int milliseconds = Math.Max(1, (int)Math.Ceiling(timeout.TotalMilliseconds));
        if (_socket.ReceiveTimeout != milliseconds) _socket.ReceiveTimeout = milliseconds;
        int length = _socket.Receive(_buffer, SocketFlags.None, out SocketError error);
        overflow = error == SocketError.NoBufferSpaceAvailable;
        if (error is SocketError.Success or SocketError.TimedOut or SocketError.WouldBlock or SocketError.Interrupted || overflow)
        {
            return error == SocketError.Success ? _buffer.AsSpan(0, length) : default;
        }

        throw new SocketException((int)error);
    }

    /// <summary>
    /// Makes the thread that waits in <see cref="Receive"/> return: the kernel acknowledges a message that asks for nothing.
    /// </summary>
    public void Wake() => _socket.Send(Request(NLMSG_NOOP, NLM_F_ACK, 0, 0));

    /// <summary>
    /// Asks for a whole table and gives each message of the answer. A table that changed meanwhile is read again, so
    /// <paramref name="take"/> may see an entry more than once.
    /// </summary>
    /// <param name="type">RTM_GETLINK and the like.</param>
    /// <param name="request">The family's header, and attributes, as the type wants them.</param>
    /// <param name="take">Gets the type and the payload.</param>
    /// <exception cref="ErrnoException">The kernel refused. A family that it does not know counts as an empty table.</exception>
    public void Dump(ushort type, ReadOnlySpan<byte> request, Action<ushort, ReadOnlySpan<byte>> take)
    {
        for (int i = 0; DumpOnce(type, request, take) && i < MaxRepeats; i++) Repeated++;
    }

    /// <summary>
    /// Lets the kernel check requests strictly (Linux 4.20): route dumps then leave out the cached exceptions. Older kernels do without.
    /// </summary>
    public void CheckStrictly()
    {
        try
        {
            _socket.SetRawSocketOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, BitConverter.GetBytes(1));
        }
        catch (SocketException)
        {
            // The answers are then longer, not different in what is used of them.
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Asks for one thing, and gives the answer.</summary>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public void Ask(ushort type, ReadOnlySpan<byte> request, Action<ushort, ReadOnlySpan<byte>> take) => Exchange(type, 0, request, take);

    private bool DumpOnce(ushort type, ReadOnlySpan<byte> request, Action<ushort, ReadOnlySpan<byte>> take) =>
        Exchange(type, NLM_F_DUMP, request, take);

    /// <returns>True when the table changed while it was dumped.</returns>
    private bool Exchange(ushort type, ushort flags, ReadOnlySpan<byte> request, Action<ushort, ReadOnlySpan<byte>> take)
    {
        uint sequence = (uint)++_sequence;
        byte[] message = new byte[16 + request.Length];
        Request(type, flags, sequence, request.Length).CopyTo(message, 0);
        request.CopyTo(message.AsSpan(16));
        _socket.Send(message);
        bool interrupted = false;
        while (true)
        {
            ReadOnlySpan<byte> received = Receive(TimeSpan.FromSeconds(5), out bool overflow);
            if (received.IsEmpty && !overflow) throw new ErrnoException("recv", $"answer to type {type}", Errno.ETIMEDOUT);
            var messages = new NetlinkMessages(received);
            while (messages.MoveNext())
            {
                if (messages.Header.nlmsg_seq != sequence) continue;
                interrupted |= (messages.Header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
                if (messages.Header.nlmsg_type is NLMSG_DONE or NLMSG_ERROR)
                {
                    int error = messages.Payload.Length >= 4 ? -MemoryMarshal.Read<int>(messages.Payload) : 0;
                    if (error is 0 or Errno.EOPNOTSUPP or Errno.EAFNOSUPPORT) return interrupted;
                    throw new ErrnoException("netlink", $"request of type {type}", error);
                }

                take(messages.Header.nlmsg_type, messages.Payload);
                if (flags != NLM_F_DUMP) return false;
            }

            if (messages.Damaged) throw new ErrnoException("recv", $"answer to type {type}", Errno.EBADMSG);
        }
    }

    private static byte[] Request(ushort type, ushort flags, uint sequence, int payload)
    {
        var header = new nlmsghdr
        {
            nlmsg_len = (uint)(16 + payload),
            nlmsg_type = type,
            nlmsg_flags = (ushort)(NLM_F_REQUEST | flags),
            nlmsg_seq = sequence,
        };
        byte[] bytes = new byte[16];
        MemoryMarshal.Write(bytes, header);
        return bytes;
    }
}
