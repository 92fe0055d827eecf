namespace HostAgent.Interop;

/// <summary>linux/if_link.h: the attributes of a link; and the two flags of linux/if.h that they go with.</summary>
internal static class LinuxIfLink
{
    public const uint IFF_UP = 0x1;
    public const uint IFF_LOOPBACK = 0x8;

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_LINK_NETNSID = 37;
    public const ushort IFLA_GSO_MAX_SIZE = 41;
    public const ushort IFLA_GSO_IPV4_MAX_SIZE = 63;

    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;

    /// <summary>In IFLA_INFO_DATA of kind vlan.</summary>
    public const ushort IFLA_VLAN_ID = 1;
}
