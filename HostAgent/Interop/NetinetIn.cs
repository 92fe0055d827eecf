using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>netinet/in.h: Internet socket addresses, and the protocols that follow an IP header.</summary>
internal static unsafe class NetinetIn
{
    public const byte IPPROTO_IP = 0;
    public const byte IPPROTO_HOPOPTS = 0;
    public const byte IPPROTO_IPIP = 4;
    public const byte IPPROTO_TCP = 6;
    public const byte IPPROTO_UDP = 17;
    public const byte IPPROTO_IPV6 = 41;
    public const byte IPPROTO_ROUTING = 43;
    public const byte IPPROTO_FRAGMENT = 44;
    public const byte IPPROTO_GRE = 47;
    public const byte IPPROTO_AH = 51;
    public const byte IPPROTO_ICMPV6 = 58;
    public const byte IPPROTO_DSTOPTS = 60;
    public const byte IPPROTO_SCTP = 132;

    /// <summary>Ports and addresses in network byte order.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sockaddr_in6
    {
        public ushort sin6_family;
        public ushort sin6_port;
        public uint sin6_flowinfo;
        public fixed byte sin6_addr[16];
        public uint sin6_scope_id;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct sockaddr_in
    {
        public ushort sin_family;
        public ushort sin_port;
        public fixed byte sin_addr[4];
        public ulong sin_zero;
    }

    public static int Family(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? SysSocket.AF_INET6 : SysSocket.AF_INET;

    public static sockaddr_in V4(IPAddress address, int port)
    {
        var result = new sockaddr_in { sin_family = SysSocket.AF_INET, sin_port = (ushort)IPAddress.HostToNetworkOrder((short)port) };
        _ = address.TryWriteBytes(new Span<byte>(result.sin_addr, 4), out _);
        return result;
    }

    public static sockaddr_in6 V6(IPAddress address, int port)
    {
        var result = new sockaddr_in6
        {
            sin6_family = SysSocket.AF_INET6,
            sin6_port = (ushort)IPAddress.HostToNetworkOrder((short)port),
            sin6_scope_id = (uint)address.ScopeId,
        };
        _ = address.TryWriteBytes(new Span<byte>(result.sin6_addr, 16), out _);
        return result;
    }
}
