using System.Buffers.Binary;
using System.Net;

namespace HostAgent.Lab;

/// <summary>
/// Frames made by hand, field by field, for tests that need one which no program would send. Checksums are right unless spoilt afterwards;
/// they are not calculated with the judge's code, which judges these frames, too.
/// </summary>
internal static class FrameBuilder
{
    /// <summary>An Ethernet header before a packet.</summary>
    public static byte[] Ethernet(ushort type, byte[] packet) =>
        [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, (byte)(type >> 8), (byte)type, .. packet];

    /// <summary>An IPv4 packet with its header checksum.</summary>
    /// <param name="source">The source address.</param>
    /// <param name="destination">The destination address.</param>
    /// <param name="protocol">The IP protocol number.</param>
    /// <param name="payload">What it carries.</param>
    /// <param name="id">The identification.</param>
    /// <param name="flagsAndOffset">Flags and fragment offset; "don't fragment" by default.</param>
    /// <param name="ttl">The time to live.</param>
    /// <param name="field">DSCP and ECN.</param>
    /// <param name="options">Of whole words.</param>
    public static byte[] Ipv4(
        string source, string destination, byte protocol, byte[] payload, ushort id = 1, ushort flagsAndOffset = 0x4000, byte ttl = 64,
        byte field = 0, byte[]? options = null)
    {
        options ??= [];
        byte[] header =
        [
            (byte)(0x45 + (options.Length / 4)), field, .. Word(20 + options.Length + payload.Length), .. Word(id), .. Word(flagsAndOffset),
            ttl, protocol, 0, 0,
            .. IPAddress.Parse(source).GetAddressBytes(), .. IPAddress.Parse(destination).GetAddressBytes(), .. options,
        ];
        Checksum(header).CopyTo(header, 10);
        return [.. header, .. payload];
    }

    /// <param name="source">The source address.</param>
    /// <param name="destination">The destination address.</param>
    /// <param name="next">The next header.</param>
    /// <param name="payload">Extension headers and what they precede.</param>
    /// <param name="field">DSCP and ECN.</param>
    public static byte[] Ipv6(string source, string destination, byte next, byte[] payload, byte field = 0) =>
    [
        (byte)(0x60 | (field >> 4)), (byte)(field << 4), 0x12, 0x34, .. Word(payload.Length), next, 64,
        .. IPAddress.Parse(source).GetAddressBytes(), .. IPAddress.Parse(destination).GetAddressBytes(), .. payload,
    ];

    /// <summary>A UDP datagram with its checksum, for the addresses of the packet that will carry it.</summary>
    public static byte[] Udp(string source, string destination, ushort sourcePort, ushort destinationPort, byte[] payload)
    {
        byte[] datagram = [.. Word(sourcePort), .. Word(destinationPort), .. Word(8 + payload.Length), 0, 0, .. payload];
        Checksum([.. Pseudo(source, destination, 17, datagram.Length), .. datagram]).CopyTo(datagram, 6);
        return datagram;
    }

    /// <summary>An ICMPv6 message with its checksum, which goes in bytes 2 and 3.</summary>
    public static byte[] Icmp6(string source, string destination, byte[] message)
    {
        byte[] made = [.. message];
        Checksum([.. Pseudo(source, destination, 58, made.Length), .. made]).CopyTo(made, 2);
        return made;
    }

    /// <summary>A TCP segment (ACK and PSH, no options) with its checksum.</summary>
    public static byte[] Tcp(string source, string destination, ushort sourcePort, ushort destinationPort, uint sequence, byte[] payload)
    {
        byte[] segment =
        [
            .. Word(sourcePort), .. Word(destinationPort), .. Word((int)(sequence >> 16)), .. Word((int)(sequence & 0xFFFF)), 0, 0, 0, 1,
            0x50, 0x18, 0x20, 0, 0, 0, 0, 0, .. payload,
        ];
        Checksum([.. Pseudo(source, destination, 6, segment.Length), .. segment]).CopyTo(segment, 16);
        return segment;
    }

    /// <summary>A VXLAN datagram (RFC 7348) in Ethernet, IPv4 and UDP, with an outer UDP checksum.</summary>
    public static byte[] Vxlan(string source, string destination, uint vni, byte[] inner, ushort sourcePort = 50000, ushort port = 4789) =>
        Ethernet(0x0800, Ipv4(source, destination, 17,
            Udp(source, destination, sourcePort, port, [8, 0, 0, 0, .. Word((int)(vni >> 8)), (byte)vni, 0, .. inner])));

    /// <summary>The frame with one byte changed.</summary>
    public static byte[] Spoil(byte[] frame, Index at)
    {
        byte[] spoilt = [.. frame];
        spoilt[at] ^= 0x55;
        return spoilt;
    }

    /// <summary>The lower 16 bits, big-endian.</summary>
    public static byte[] Word(int value) => [(byte)(value >> 8), (byte)value];

    /// <summary>What a transport checksum covers beside the transport header and the payload.</summary>
    public static byte[] Pseudo(string source, string destination, byte protocol, int length) =>
        [.. IPAddress.Parse(source).GetAddressBytes(), .. IPAddress.Parse(destination).GetAddressBytes(), 0, protocol, .. Word(length)];

    /// <summary>The ones' complement sum of big-endian words (RFC 1071), folded to 16 bits.</summary>
    public static int Sum(byte[] bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
            sum += i + 1 < bytes.Length ? BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(i)) : (uint)(bytes[i] << 8);
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (int)sum;
    }

    private static byte[] Checksum(byte[] bytes) => Word(0xFFFF - Sum(bytes));
}
