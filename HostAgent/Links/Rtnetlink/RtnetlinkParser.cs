using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxIfLink;
using static HostAgent.Interop.LinuxNeighbour;
using static HostAgent.Interop.LinuxRtnetlink;

namespace HostAgent.Links;

/// <summary>
/// Reads the payloads of rtnetlink messages. What is too short, incomplete or of no use here gives null; unknown attributes are skipped.
/// </summary>
internal static class RtnetlinkParser
{
    private const ushort Usable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_PERMANENT;

    /// <summary>
    /// A link. Bridges describe their ports once more with family AF_BRIDGE and few attributes; those messages are not links.
    /// </summary>
    public static Link? Link(ReadOnlySpan<byte> payload)
    {
        if (!Split(payload, out ifinfomsg header, out NetlinkAttributes attributes) || header.ifi_family != AF_UNSPEC) return null;
        string name = "", kind = "";
        int mtu = 0, master = 0, peer = 0, vlan = 0, maxOffload = 65_536;
        int? netns = null;
        PhysicalAddress mac = PhysicalAddress.None;
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case IFLA_IFNAME: name = attributes.Text; break;
                case IFLA_MTU: mtu = attributes.Int32; break;
                case IFLA_GSO_MAX_SIZE or IFLA_GSO_IPV4_MAX_SIZE: maxOffload = Math.Max(maxOffload, attributes.Int32); break;
                case IFLA_ADDRESS: mac = attributes.Mac; break;
                case IFLA_MASTER: master = attributes.Int32; break;
                case IFLA_LINK: peer = attributes.Int32; break;
                case IFLA_LINK_NETNSID: netns = attributes.Int32; break;
                case IFLA_LINKINFO: (kind, vlan) = LinkInfo(attributes.Value); break;
            }
        }

        if (header.ifi_index <= 0 || name.Length == 0) return null;
        return new Link
        {
            Index = header.ifi_index,
            Name = name,
            Kind = kind,
            Mtu = mtu,
            MaxOffload = maxOffload,
            Mac = mac,
            Master = master,
            Peer = peer,
            PeerNetns = netns,
            VlanId = kind == "vlan" ? vlan : 0,
            Loopback = (header.ifi_flags & IFF_LOOPBACK) != 0,
            Up = (header.ifi_flags & IFF_UP) != 0,
        };
    }

    /// <summary>The ifindex of a link that has gone; null for a port that only left its bridge.</summary>
    public static int? DeletedLink(ReadOnlySpan<byte> payload) =>
        Split(payload, out ifinfomsg header, out _) && header.ifi_family == AF_UNSPEC ? header.ifi_index : null;

    /// <summary>An address of this host and the ifindex of the link that has it.</summary>
    public static (IPAddress Address, int Link)? Address(ReadOnlySpan<byte> payload)
    {
        if (!Split(payload, out LinuxIfAddr.ifaddrmsg header, out NetlinkAttributes attributes)) return null;
        IPAddress? address = null, local = null;
        while (attributes.MoveNext())
        {
            // On a point-to-point link IFA_ADDRESS is the other end's.
            if (attributes.Type == LinuxIfAddr.IFA_LOCAL) local = attributes.Address;
            if (attributes.Type == LinuxIfAddr.IFA_ADDRESS) address = attributes.Address;
        }

        return (local ?? address) is { } found ? (found, (int)header.ifa_index) : null;
    }

    /// <summary>
    /// A unicast route, in any table. One over several next hops gives an entry for each of them. Nothing for all that is of no use here:
    /// cached exceptions, routes that depend on the source, and prefixes without a gateway.
    /// </summary>
    public static void Routes(ReadOnlySpan<byte> payload, List<ParsedRoute> into)
    {
        into.Clear();
        if (!Split(payload, out rtmsg header, out NetlinkAttributes attributes) || header.rtm_family is not (AF_INET or AF_INET6)) return;
        if (header.rtm_type != RTN_UNICAST || header.rtm_src_len != 0 || (header.rtm_flags & RTM_F_CLONED) != 0) return;
        IPAddress? destination = null;
        int table = header.rtm_table, priority = 0, output = 0;
        bool gateway = header.rtm_dst_len == 0;
        ReadOnlySpan<byte> hops = default;
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case RTA_DST: destination = attributes.Address; break;
                case RTA_TABLE: table = attributes.Int32; break;
                case RTA_PRIORITY: priority = attributes.Int32; break;
                case RTA_OIF: output = attributes.Int32; break;
                case RTA_GATEWAY or RTA_VIA: gateway = true; break;
                case RTA_MULTIPATH: hops = attributes.Value; break;
            }
        }

        if (header.rtm_dst_len != (header.rtm_family == AF_INET ? 32 : 128)) destination = null;
        if (output > 0) Add(output, gateway);
        while (hops.Length >= 8)
        {
            rtnexthop hop = MemoryMarshal.Read<rtnexthop>(hops);
            if (hop.rtnh_len < 8 || hop.rtnh_len > hops.Length) return;
            // What follows within a hop is its gateway.
            if (hop.rtnh_ifindex > 0) Add(hop.rtnh_ifindex, gateway || hop.rtnh_len > 8);
            hops = hops[Math.Min((hop.rtnh_len + 3) & ~3, hops.Length)..];
        }

        void Add(int link, bool viaGateway)
        {
            if (destination is not null || viaGateway) into.Add(new ParsedRoute(destination, new HostRoute(table, priority, link)));
        }
    }

    /// <summary>An entry of a neighbour table; without a MAC when it is not usable (failed, incomplete).</summary>
    public static (IPAddress Address, Neighbour Entry)? Neighbour(ReadOnlySpan<byte> payload)
    {
        if (!Split(payload, out ndmsg header, out NetlinkAttributes attributes)) return null;
        if (header.ndm_family is not (AF_INET or AF_INET6) || (header.ndm_flags & NTF_PROXY) != 0) return null;
        IPAddress? address = null;
        PhysicalAddress mac = PhysicalAddress.None;
        while (attributes.MoveNext())
        {
            if (attributes.Type == NDA_DST) address = attributes.Address;
            if (attributes.Type == NDA_LLADDR) mac = attributes.Mac;
        }

        if (address is null || address.IsIPv6Multicast) return null;
        return (address, new Neighbour(header.ndm_ifindex, (header.ndm_state & Usable) != 0 ? mac : PhysicalAddress.None));
    }

    /// <summary>
    /// An entry of a bridge's forwarding database. Not: a device's own database (NTF_SELF, such as a vxlan device's), and addresses that
    /// are the port's or the bridge's own (NUD_PERMANENT).
    /// </summary>
    public static (PhysicalAddress Mac, ForwardingEntry Entry)? Forwarding(ReadOnlySpan<byte> payload)
    {
        if (!Split(payload, out ndmsg header, out NetlinkAttributes attributes)) return null;
        if (header.ndm_family != AF_BRIDGE || (header.ndm_flags & NTF_SELF) != 0 || (header.ndm_state & NUD_PERMANENT) != 0) return null;
        PhysicalAddress mac = PhysicalAddress.None;
        int bridge = 0, vlan = 0;
        while (attributes.MoveNext())
        {
            if (attributes.Type == NDA_LLADDR) mac = attributes.Mac;
            if (attributes.Type == NDA_MASTER) bridge = attributes.Int32;
            if (attributes.Type == NDA_VLAN) vlan = attributes.UInt16;
        }

        return mac.Equals(PhysicalAddress.None) || bridge == 0 ? null : (mac, new ForwardingEntry(bridge, vlan, header.ndm_ifindex));
    }

    private static (string Kind, int Vlan) LinkInfo(ReadOnlySpan<byte> nested)
    {
        string kind = "";
        int vlan = 0;
        var attributes = new NetlinkAttributes(nested);
        while (attributes.MoveNext())
        {
            if (attributes.Type == IFLA_INFO_KIND) kind = attributes.Text;
            if (attributes.Type != IFLA_INFO_DATA) continue;
            var data = new NetlinkAttributes(attributes.Value);
            while (data.MoveNext())
            {
                if (data.Type == IFLA_VLAN_ID) vlan = data.UInt16;
            }
        }

        return (kind, vlan);
    }

    private static bool Split<T>(ReadOnlySpan<byte> payload, out T header, out NetlinkAttributes attributes)
        where T : unmanaged
    {
        attributes = default;
        if (!MemoryMarshal.TryRead(payload, out header)) return false;
        attributes = new NetlinkAttributes(payload[System.Runtime.CompilerServices.Unsafe.SizeOf<T>()..]);
        return true;
    }
}
