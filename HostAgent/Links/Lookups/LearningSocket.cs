using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Links;

/// <summary>A packet(7) socket on one link, which gets the heads of frames whose source may be one of the addresses.</summary>
internal sealed unsafe class LearningSocket : IDisposable
{
    private const int ReceiveBuffer = 64 * 1024;

    private readonly byte[] _buffer = new byte[LearningFilter.HeadLength];

    /// <exception cref="ErrnoException">The kernel gave no socket (needs CAP_NET_RAW), or the link is gone.</exception>
    /// <exception cref="SocketException">The filter was refused.</exception>
    public LearningSocket(Link link, sock_filter[] filter)
    {
        Link = link;
        // Protocol 0: nothing comes in before the filter is in place.
        int descriptor = SysSocket.socket(SysSocket.AF_PACKET, SysSocket.SOCK_RAW | SysSocket.SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw ErrnoException.Last("socket", "AF_PACKET");
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        Socket = new Socket(handle) { Blocking = false, ReceiveBufferSize = ReceiveBuffer };
        try
        {
            Attach(filter);
            var address = new LinuxIfPacket.sockaddr_ll
            {
                sll_family = SysSocket.AF_PACKET,
                sll_protocol = (ushort)IPAddress.HostToNetworkOrder((short)3),
                sll_ifindex = link.Index,
            };
            if (SysSocket.bind(handle, &address, (uint)Unsafe.SizeOf<LinuxIfPacket.sockaddr_ll>()) != 0)
            {
                throw ErrnoException.Last("bind", link.Name);
            }
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
            Attach(filter);
            return true;
        }
        catch (SocketException)
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

    private void Attach(sock_filter[] filter)
    {
        fixed (sock_filter* instructions = filter)
        {
            var program = new sock_fprog { len = (ushort)filter.Length, filter = instructions };
            Socket.SetRawSocketOption(
                SysSocket.SOL_SOCKET, SysSocket.SO_ATTACH_FILTER, new ReadOnlySpan<byte>(&program, sizeof(sock_fprog)));
        }
    }
}
