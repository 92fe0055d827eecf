using System.Net.Sockets;

namespace HostAgent.Frames;

/// <summary>Lengths and fields of IPv4's header (RFC 791) and IPv6's (RFC 8200); lengths and offsets in bytes.</summary>
internal static class IpHeader
{
    /// <summary>Without options.</summary>
    public const int IPv4Length = 20;

    public const int IPv6Length = 40;

    /// <summary>Of IPv6's fragment header (section 4.5), which is as long as the shortest of the other extension headers.</summary>
    public const int IPv6ExtensionLength = 8;

    /// <summary>A flag in the word that holds IPv4's fragment offset.</summary>
    public const ushort DontFragment = 0x4000;

    /// <inheritdoc cref="DontFragment"/>
    public const ushort MoreFragments = 0x2000;

    /// <summary>Of the shortest header of this family.</summary>
    public static int Length(bool v6) => v6 ? IPv6Length : IPv4Length;

    /// <inheritdoc cref="Length(bool)"/>
    public static int Length(AddressFamily family) => Length(family == AddressFamily.InterNetworkV6);

    /// <summary>Where the two addresses are, one behind the other.</summary>
    public static int Addresses(bool v6) => v6 ? 8 : 12;
}
