using System.Net;
using System.Net.Sockets;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Links;

/// <summary>A packet(7) socket on one link, which gets the heads of frames whose source may be one of the addresses.</summary>
internal sealed class LearningSocket : IDisposable
{
    private const int ReceiveBuffer = 64 * 1024;

    private readonly byte[] _buffer = new byte[LearningFilter.HeadLength];
    private readonly NativeSocket _native;

    /// <exception cref="ErrnoException">
    /// The kernel gave no socket (needs CAP_NET_RAW), refused the filter, or the link is gone.
    /// </exception>
    public LearningSocket(Link link, sock_filter[] filter)
    {
        Link = link;
        // Protocol 0: nothing comes in before the filter is in place.
        int descriptor = SysSocket.socket(SysSocket.AF_PACKET, SysSocket.SOCK_RAW | SysSocket.SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw ErrnoException.Last("socket", link.Name);
        Socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) { Blocking = false, ReceiveBufferSize = ReceiveBuffer };
        _native = NativeSocket.Borrow(descriptor, link.Name);
        try
        {
            _native.AttachFilter(filter);
            _native.Bind(new LinuxIfPacket.sockaddr_ll
            {
                sll_family = SysSocket.AF_PACKET,
                sll_protocol = (ushort)IPAddress.HostToNetworkOrder((short)LinuxIfEther.ETH_P_ALL),
                sll_ifindex = link.Index,
            });
        }
        catch
        {
            Socket.Dispose();
            throw;
        }
    }

    public Link Link { get; }

    public Socket Socket { get; }

    /// <summary>Replaces the filter at once; what came in by the old one may still be read.</summary>
    /// <returns>
    /// False when the kernel refused it, and the old one stays: net.core.optmem_max has to hold both, though it may hold the new one alone.
    /// </returns>
    public bool TryReplace(sock_filter[] filter)
    {
        try
        {
            _native.AttachFilter(filter);
            return true;
        }
        catch (ErrnoException)
        {
            return false;
        }
    }

    /// <summary>The next source address that was seen; null when there is no frame now. A link that went down has none.</summary>
    public bool TryRead(out IPAddress? source)
    {
        int length = Socket.Receive(_buffer, SocketFlags.None, out SocketError error);
        source = error == SocketError.Success ? SourceAddress.Of(_buffer.AsSpan(0, length)) : null;
        return error == SocketError.Success;
    }

    public void Dispose() => Socket.Dispose();
}
