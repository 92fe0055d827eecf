namespace HostAgent.Interop;

/// <summary>linux/if_ether.h: Ethernet's header lengths, in bytes, and the types of what follows it, in host byte order.</summary>
internal static class LinuxIfEther
{
    public const int ETH_ALEN = 6;
    public const int ETH_HLEN = 14;
    public const ushort ETH_P_ALL = 0x0003;
    public const ushort ETH_P_IP = 0x0800;
    public const ushort ETH_P_ARP = 0x0806;

    /// <summary>Transparent Ethernet bridging: a whole frame follows.</summary>
    public const ushort ETH_P_TEB = 0x6558;

    /// <summary>IEEE 802.1Q, the customer's tag.</summary>
    public const ushort ETH_P_8021Q = 0x8100;

    public const ushort ETH_P_IPV6 = 0x86DD;

    /// <summary>IEEE 802.1ad, the service provider's tag.</summary>
    public const ushort ETH_P_8021AD = 0x88A8;
}
