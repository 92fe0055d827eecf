using System.Runtime.CompilerServices;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Frames;

/// <summary>
/// The headers from the first IP header of a super-frame down to the transport header that is cut: one for ordinary traffic, several for a
/// tunnel inside the pod (VXLAN, RFC 7348; Geneve, RFC 8926; GRE, RFC 2784 and 2890; IP in IP, RFC 2003 and 4213). The kernel says where
/// the transport header is; a chain that does not lead exactly there is no chain, so nothing is guessed.
/// </summary>
internal unsafe struct HeaderChain
{
    private const int MaxHeaders = 8;

    private Headers _headers;

    public int Count { get; private set; }

    public readonly (HeaderKind Kind, int Offset) this[int index] => _headers[index];

    /// <summary>Follows the headers to the transport header.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="network">The offset of its first IP header.</param>
    /// <param name="transport">The offset of the transport header to be reached; all before it is inside the frame.</param>
    /// <param name="protocol">The protocol number that the last IP header must name.</param>
    /// <param name="chain">The headers, outermost first.</param>
    public static bool TryFollow(byte* frame, int network, int transport, byte protocol, out HeaderChain chain)
    {
        chain = default;
        int at = network;
        while (at + IpHeader.IPv4Length <= transport && chain.Count < MaxHeaders)
        {
            if (!chain.TryAddIp(frame, ref at, transport, out byte next)) return false;
            if (at == transport) return next == protocol;
            switch (next)
            {
                case IPPROTO_IPIP or IPPROTO_IPV6:
                    break;
                case IPPROTO_GRE when TrySkipGre(frame, ref at, transport):
                    break;
                case IPPROTO_UDP when at + UdpHeader.Length + Vxlan.HeaderLength <= transport && chain.Count < MaxHeaders:
                    chain.Add(HeaderKind.Udp, at);
                    if (!TrySkipUdpTunnel(frame, ref at, transport)) return false;
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private static bool TrySkipGre(byte* frame, ref int at, int limit)
    {
        if (at + 4 > limit) return false;
        int flags = BigEndian.Read16(frame + at), type = BigEndian.Read16(frame + at + 2);
        // A checksum would have to be mended and routing is obsolete; any other version is PPTP's.
        if ((flags & 0xC007) != 0) return false;
        at += 4 + ((flags & 0x2000) != 0 ? 4 : 0) + ((flags & 0x1000) != 0 ? 4 : 0);
        return TrySkipEthernet(frame, type, ref at, limit);
    }

    private static bool TrySkipUdpTunnel(byte* frame, ref int at, int limit)
    {
        byte* tunnel = frame + at + UdpHeader.Length;
        int type = BigEndian.Read16(tunnel + 2);
        if (tunnel[0] >> 6 == 0 && type is ETH_P_TEB or ETH_P_IP or ETH_P_IPV6)
        {
            at += 16 + ((tunnel[0] & 0x3F) * 4); // Geneve with its options
            return TrySkipEthernet(frame, type, ref at, limit);
        }

        at += 16;
        return (tunnel[0] & 0x08) != 0 && TrySkipEthernet(frame, ETH_P_TEB, ref at, limit);
    }

    /// <summary>Skips an inner Ethernet header and its VLAN tags, where there is one; true when an IP header follows.</summary>
    private static bool TrySkipEthernet(byte* frame, int type, ref int at, int limit)
    {
        if (type == ETH_P_TEB)
        {
            at += ETH_HLEN;
            if (at > limit) return false;
            type = BigEndian.Read16(frame + at - 2);
            while (type is ETH_P_8021Q or ETH_P_8021AD && at + 4 <= limit)
            {
                at += 4;
                type = BigEndian.Read16(frame + at - 2);
            }
        }

        return type is ETH_P_IP or ETH_P_IPV6;
    }

    private bool TryAddIp(byte* frame, ref int at, int limit, out byte next)
    {
        byte* ip = frame + at;
        next = 0;
        if (ip[0] >> 4 == 4)
        {
            int length = (ip[0] & 0x0F) * 4;
            if (length < IpHeader.IPv4Length || at + length > limit || (BigEndian.Read16(ip + 6) & 0x3FFF) != 0) return false;
            Add(HeaderKind.IPv4, at);
            next = ip[9];
            at += length;
            return true;
        }

        if (ip[0] >> 4 != 6 || at + IpHeader.IPv6Length > limit) return false;
        Add(HeaderKind.IPv6, at);
        next = ip[6];
        at += IpHeader.IPv6Length;
        while (next is IPPROTO_HOPOPTS or IPPROTO_ROUTING or IPPROTO_DSTOPTS && at + IpHeader.IPv6ExtensionLength <= limit)
        {
            next = frame[at];
            at += (frame[at + 1] + 1) * 8;
        }

        return at <= limit;
    }

    private void Add(HeaderKind kind, int offset) => _headers[Count++] = (kind, offset);

    [InlineArray(MaxHeaders)]
    private struct Headers
    {
        private (HeaderKind Kind, int Offset) _first;
    }
}
