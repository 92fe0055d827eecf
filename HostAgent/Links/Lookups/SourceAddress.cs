using System.Buffers.Binary;
using System.Net;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Links;

/// <summary>
/// Whose address the sender of an Ethernet frame claims: ARP's sender (RFC 826), the source of IPv4 and IPv6, and the target of a
/// neighbour solicitation that comes from no address or of an advertisement (RFC 4861). Offsets are bytes from the frame's first byte.
/// </summary>
internal static class SourceAddress
{
    public const int EtherType = 12;
    public const int ArpSender = 28;
    public const int Ipv4Source = 26;
    public const int Ipv6NextHeader = 20;
    public const int Ipv6Source = 22;
    public const int Icmpv6Type = 54;
    public const int NeighbourTarget = 62;

    /// <summary>ICMPv6's types (RFC 4861, sections 4.3 and 4.4).</summary>
    public const byte NeighbourSolicitation = 135, NeighbourAdvertisement = 136;

    /// <summary>Null when the frame names none.</summary>
    public static IPAddress? Of(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EtherType + 2) return null;
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[EtherType..]))
        {
            // Ethernet and IPv4, 6 and 4 bytes long.
            case ETH_P_ARP when frame.Length >= ArpSender + 4 && frame[14..20].SequenceEqual((ReadOnlySpan<byte>)[0, 1, 8, 0, 6, 4]):
                return Address(frame.Slice(ArpSender, 4));
            case ETH_P_IP when frame.Length >= Ipv4Source + 4 && frame[14] >> 4 == 4:
                return Address(frame.Slice(Ipv4Source, 4));
            case ETH_P_IPV6 when frame.Length >= Ipv6Source + 16 && frame[14] >> 4 == 6:
                return Address(frame.Slice(IsNeighbourMessage(frame) ? NeighbourTarget : Ipv6Source, 16));
            default:
                return null;
        }
    }

    private static bool IsNeighbourMessage(ReadOnlySpan<byte> frame) =>
        frame.Length >= NeighbourTarget + 16 && frame[Ipv6NextHeader] == IPPROTO_ICMPV6
        && (frame[Icmpv6Type] == NeighbourAdvertisement
            || (frame[Icmpv6Type] == NeighbourSolicitation && !frame.Slice(Ipv6Source, 16).ContainsAnyExcept((byte)0)));

    private static IPAddress? Address(ReadOnlySpan<byte> bytes) => bytes.ContainsAnyExcept((byte)0) ? new IPAddress(bytes) : null;
}
