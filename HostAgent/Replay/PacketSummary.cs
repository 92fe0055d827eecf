using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using HostAgent.Frames;
using PacketDotNet;

namespace HostAgent.Replay;

/// <summary>
/// What a frame is, in one line, by PacketDotNet: for people, and far from the hot path, since it makes objects of every layer.
/// </summary>
internal static class PacketSummary
{

    /// <summary>Says what it can. PacketDotNet throws at many a damaged frame, and may throw anything.</summary>
    /// <param name="frame">From the Ethernet header on; the summary refers to it no longer.</param>
    /// <param name="summary">In any case a line without control characters.</param>
    /// <returns>False when the frame could not be decoded.</returns>
    public static bool TryOf(byte[] frame, out string summary)
    {
        try
        {
            summary = Of((EthernetPacket)Packet.ParsePacket(LinkLayers.Ethernet, frame), frame.Length);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            summary = $"a frame of {frame.Length} bytes that cannot be decoded ({e.GetType().Name})";
            return false;
        }
    }

    private static string Of(EthernetPacket frame, int length)
    {
        string tag = frame.PayloadPacket is Ieee8021QPacket tagged ? $"vlan {tagged.VlanIdentifier} " : "";
        return tag + ((Packet?)frame.Extract<IPPacket>() ?? frame.Extract<ArpPacket>()) switch
        {
            IPPacket packet => Of(packet),
            ArpPacket arp => Of(arp),
            _ =>
                $"{Mac(frame.SourceHardwareAddress)} > {Mac(frame.DestinationHardwareAddress)} "
                + $"type 0x{(ushort)frame.Type:x4} length {length}",
        };
    }

    private static string Of(IPPacket packet) => packet.PayloadPacket switch
    {
        TcpPacket tcp =>
            $"{Ends(packet, tcp)} tcp {Flags(tcp)} seq {tcp.SequenceNumber} ack {tcp.AcknowledgmentNumber} "
            + $"window {tcp.WindowSize} length {Payload(tcp)}",
        UdpPacket udp => $"{Ends(packet, udp)} udp length {(ushort)udp.Length - UdpHeader.Length}",
        IcmpV4Packet icmp => $"{Ends(packet)} icmp {icmp.TypeCode} length {packet.PayloadLength}",
        IcmpV6Packet icmp => $"{Ends(packet)} icmp6 {icmp.Type} length {packet.PayloadLength}",
        _ => $"{Ends(packet)} protocol {packet.Protocol.ToString().ToLowerInvariant()} length {packet.PayloadLength}",
    };

    private static string Of(ArpPacket arp) =>
        $"{Mac(arp.SenderHardwareAddress)} arp {arp.Operation.ToString().ToLowerInvariant()} "
        + $"{arp.SenderProtocolAddress} for {arp.TargetProtocolAddress}";

    private static string Ends(IPPacket packet) => $"{packet.SourceAddress} > {packet.DestinationAddress}";

    private static string Ends(IPPacket packet, TransportPacket transport) =>
        $"{End(packet.SourceAddress, transport.SourcePort)} > {End(packet.DestinationAddress, transport.DestinationPort)}";

    private static string End(IPAddress address, ushort port) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]:{port}" : $"{address}:{port}";

    private static int Payload(TcpPacket tcp) =>
        tcp.HasPayloadPacket ? tcp.PayloadPacket.TotalPacketLength : tcp.PayloadDataSegment?.Length ?? 0;

    private static string Flags(TcpPacket tcp)
    {
        (bool Set, string Name)[] flags =
        [
            (tcp.Synchronize, "syn"), (tcp.Finished, "fin"), (tcp.Reset, "rst"), (tcp.Push, "psh"),
            (tcp.Acknowledgment, "ack"), (tcp.Urgent, "urg"),
            (tcp.ExplicitCongestionNotificationEcho, "ece"), (tcp.CongestionWindowReduced, "cwr"),
        ];
        return $"[{string.Join(',', flags.Where(flag => flag.Set).Select(flag => flag.Name))}]";
    }

    private static string Mac(PhysicalAddress address) => string.Join(':', address.GetAddressBytes().Select(part => $"{part:x2}"));
}
