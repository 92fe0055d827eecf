using System.Net.NetworkInformation;

namespace HostAgent.Links;

/// <summary>A network interface of the host's namespace, as RTM_NEWLINK describes it (linux/if_link.h).</summary>
public sealed record Link
{
    /// <summary>The kernel's interface index. It may be given to another link within a second of this one's end.</summary>
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>IFLA_INFO_KIND, such as <c>veth</c> or <c>bridge</c>; empty for a physical device and for loopback.</summary>
    public string Kind { get; init; } = "";

    /// <summary>IFLA_MTU in bytes: the largest packet without its link-layer header.</summary>
    public int Mtu { get; init; }

    /// <summary>
    /// IFLA_GSO_MAX_SIZE or IFLA_GSO_IPV4_MAX_SIZE, whichever is more: a frame of so many bytes is cut before the link's driver gets it.
    /// </summary>
    public int MaxOffload { get; init; } = 65_536;

    /// <summary>IFLA_ADDRESS.</summary>
    public PhysicalAddress Mac { get; init; } = PhysicalAddress.None;

    /// <summary>IFLA_MASTER: the bridge or bond that it belongs to; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>IFLA_LINK: the ifindex of the peer (in the peer's own namespace) or of the lower device; 0 for none.</summary>
    public int Peer { get; init; }

    /// <summary>IFLA_LINK_NETNSID: the id by which this namespace knows the peer's; null when the peer is in this namespace.</summary>
    public int? PeerNetns { get; init; }

    /// <summary>IFLA_VLAN_ID of a link of kind vlan; else 0.</summary>
    public int VlanId { get; init; }

    /// <summary>
    /// Tells apart links that had the same ifindex one after the other: it never repeats, and it stays when the link is renamed or changed.
    /// </summary>
    public long Generation { get; init; }

    public bool Loopback { get; init; }

    /// <summary>IFF_UP.</summary>
    public bool Up { get; init; }
}
