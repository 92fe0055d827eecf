using System.Buffers.Binary;

namespace HostAgent.Lab;

/// <summary>The receiver's view of one mirrored frame.</summary>
internal static class InnerFrame
{
    /// <summary>How much of a packet's own header and payload tells it from others; its checksum stands for the rest.</summary>
    private const int Telling = 64;

    private const byte HopByHop = 0, Icmp = 1, Igmp = 2, Tcp = 6, Udp = 17, Routing = 43,
        Fragment = 44, Icmp6 = 58, DestinationOptions = 60;

    /// <param name="frame">From the Ethernet header on, without a checksum of its own.</param>
    /// <param name="identity">
    /// A hash that is the same for the same packet on another link: addresses, id, length and the beginning of the payload, but not what a
    /// router changes (Ethernet addresses, TTL). 0 for IGMP and MLD reports, which hosts repeat word for word within a second.
    /// </param>
    public static FrameVerdict Judge(ReadOnlySpan<byte> frame, out ulong identity)
    {
        identity = OnesComplement.Hash(0, frame[..Math.Min(frame.Length, Telling)]);
        if (frame.Length < 14) return FrameVerdict.Malformed;
        int at = 12;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        while (type is 0x8100 or 0x88A8)
        {
            at += 4;
            if (frame.Length < at + 2) return FrameVerdict.Malformed;
            type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        }

        ReadOnlySpan<byte> packet = frame[(at + 2)..];
        return type switch
        {
            0x0800 => JudgeIpv4(packet, out identity),
            0x86DD => JudgeIpv6(packet, out identity),
            _ => FrameVerdict.Right,
        };
    }

    private static FrameVerdict JudgeIpv4(ReadOnlySpan<byte> packet, out ulong identity)
    {
        identity = 0;
        if (packet.Length < 20 || packet[0] >> 4 != 4) return FrameVerdict.Malformed;
        int header = (packet[0] & 15) * 4, length = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < 20 || length < header || packet.Length < length) return FrameVerdict.Malformed;
        ReadOnlySpan<byte> payload = packet[header..length];
        // Length, id and fragment offset; protocol; addresses.
        identity = OnesComplement.Hash(OnesComplement.Hash(packet[9], packet[2..8]), packet[12..20]);
        identity = OnesComplement.Hash(identity, payload[..Math.Min(payload.Length, Telling)]);
        if (packet[9] == Igmp) identity = 0;
        if (!OnesComplement.IsRight(OnesComplement.Add(0, packet[..header]))) return FrameVerdict.BadChecksum;
        if ((BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF) != 0) return FrameVerdict.Right;
        return JudgePayload(payload, packet[9], OnesComplement.Add(0, packet[12..20]), ipv4: true);
    }

    private static FrameVerdict JudgeIpv6(ReadOnlySpan<byte> packet, out ulong identity)
    {
        identity = 0;
        if (packet.Length < 40 || packet[0] >> 4 != 6) return FrameVerdict.Malformed;
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (packet.Length < 40 + length) return FrameVerdict.Malformed;
        ReadOnlySpan<byte> payload = packet.Slice(40, length);
        identity = OnesComplement.Hash(OnesComplement.Hash(packet[6], packet[4..6]), packet[8..40]);
        identity = OnesComplement.Hash(identity, payload[..Math.Min(payload.Length, Telling)]);
        byte next = packet[6];
        // MLD and hardly anything else begins with hop-by-hop options.
        if (next == HopByHop) identity = 0;
        while (next is HopByHop or Routing or DestinationOptions)
        {
            if (payload.Length < 8 || payload.Length < 8 + payload[1] * 8) return FrameVerdict.Malformed;
            next = payload[0];
            payload = payload[(8 + payload[1] * 8)..];
        }

        return next == Fragment
            ? FrameVerdict.Right
            : JudgePayload(payload, next, OnesComplement.Add(0, packet[8..40]), ipv4: false);
    }

    /// <param name="payload">Of the IP packet, without padding.</param>
    /// <param name="protocol">Its IP protocol number.</param>
    /// <param name="addresses">The sum over source and destination address.</param>
    /// <param name="ipv4">ICMP has a pseudo header, and UDP must have a checksum, only in IPv6.</param>
    private static FrameVerdict JudgePayload(ReadOnlySpan<byte> payload, byte protocol, ulong addresses, bool ipv4)
    {
        switch (protocol)
        {
            case Tcp when payload.Length < 20:
            case Udp when payload.Length < 8:
            case Icmp or Icmp6 when payload.Length < 4:
                return FrameVerdict.Malformed;
            case Udp when BinaryPrimitives.ReadUInt16BigEndian(payload[4..]) != payload.Length:
                return FrameVerdict.Malformed;
            case Udp when payload[6] == 0 && payload[7] == 0:
                return ipv4 ? FrameVerdict.Right : FrameVerdict.BadChecksum;
            case Icmp:
                return Right(OnesComplement.Add(0, payload));
            case Tcp or Udp or Icmp6:
                return Right(OnesComplement.Add(OnesComplement.AddPseudo(addresses, payload.Length, protocol), payload));
            default:
                return FrameVerdict.Right;
        }
    }

    private static FrameVerdict Right(ulong sum) => OnesComplement.IsRight(sum) ? FrameVerdict.Right : FrameVerdict.BadChecksum;
}
