using System.Buffers.Binary;
using HostAgent.Frames;
using static HostAgent.Lab.FrameBuilder;

namespace HostAgent.Lab;

/// <summary>
/// A frame as a pod's stack hands it to its link, with what offload left undone (struct virtio_net_hdr of linux/virtio_net.h): the checksum
/// field holds the pseudo-header's sum. It goes to a MAC that nobody has, so that no stack answers it.
/// </summary>
/// <param name="Name">For the test's name.</param>
/// <param name="Source">The IP source address, by which a test tells its frames from others.</param>
/// <param name="Bytes">The frame.</param>
/// <param name="Headers">Bytes before the payload.</param>
/// <param name="ChecksumStart">Bytes before the transport header; 0 when the checksum is finished.</param>
/// <param name="ChecksumOffset">Bytes from there to the checksum.</param>
/// <param name="GsoType">VIRTIO_NET_HDR_GSO_…</param>
/// <param name="SegmentSize">Payload bytes of each segment; 0 for an ordinary frame.</param>
internal sealed record CraftedFrame(
    string Name, string Source, byte[] Bytes, int Headers, int ChecksumStart, int ChecksumOffset, byte GsoType = 0, int SegmentSize = 0)
{
    private const byte Tcpv4 = 1, Tcpv6 = 4, UdpL4 = 5, Ecn = 0x80;
    private static readonly byte[] Macs = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

    /// <summary>Extras of the network header, such as IPv4 options or IPv6 extension headers, and where a routing header leads.</summary>
    internal sealed record Ip(string Source, byte[]? Options = null, ushort Id = 0xFFFE, ushort Fragment = 0x4000, byte Field = 0,
        byte FirstExtension = 0, byte[]? Tags = null, string? Last = null)
    {
        public bool V6 => Source.Contains(':', StringComparison.Ordinal);

        public string Destination => V6 ? "fd50:1::1" : "10.51.0.1";
    }

    /// <summary>A TCP super-frame.</summary>
    public static CraftedFrame Tcp(string name, Ip ip, int payload, int segment, byte flags = 0x18, byte[]? options = null)
    {
        options ??= [];
        byte[] header =
        [
            0xC3, 0x50, 0, 80, 0xFF, 0xFF, 0xF0, 0, 1, 2, 3, 4, (byte)((5 + (options.Length / 4)) << 4), flags, 0x20, 0, 0, 0, 0, 0,
            .. options,
        ];
        bool cut = segment > 0;
        byte type = (byte)(!cut ? 0 : (ip.V6 ? Tcpv6 : Tcpv4) | ((flags & 0x80) != 0 ? Ecn : 0));
        return Make(name, ip, 6, header, 16, Random(payload, payload + segment), type, cut ? segment : 0);
    }

    /// <summary>A UDP datagram, or with a segment size a super-datagram (UDP_SEGMENT).</summary>
    public static CraftedFrame Udp(string name, Ip ip, int payload, int segment = 0)
    {
        byte[] header = [0xC3, 0x50, 0x27, 0x0F, .. Word(8 + payload), 0, 0];
        return Make(name, ip, 17, header, 6, Random(payload, payload + segment), segment > 0 ? UdpL4 : (byte)0, segment);
    }

    /// <summary>An ICMPv6 echo request.</summary>
    public static CraftedFrame Icmpv6(string name, Ip ip, int payload) =>
        Make(name, ip, 58, [128, 0, 0, 0, 0, 7, 0, 1], 2, Random(payload, 58), 0, 0);

    /// <summary>The same with a payload, of even length, whose last two bytes make the finished checksum zero.</summary>
    public CraftedFrame WithZeroChecksum()
    {
        byte[] bytes = [.. Bytes[..^2], 0, 0];
        Word(0xFFFF - Sum(bytes[ChecksumStart..])).CopyTo(bytes, bytes.Length - 2);
        return this with { Bytes = bytes };
    }

    /// <summary>struct virtio_net_hdr and the frame: what a packet(7) socket with PACKET_VNET_HDR takes.</summary>
    public byte[] ToPacket()
    {
        byte[] packet = new byte[10 + Bytes.Length];
        packet[0] = ChecksumStart > 0 ? (byte)1 : (byte)0;
        packet[1] = GsoType;
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(2), (ushort)Headers);
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(4), (ushort)SegmentSize);
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(6), (ushort)ChecksumStart);
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(8), (ushort)ChecksumOffset);
        Bytes.CopyTo(packet, 10);
        return packet;
    }

    public override string ToString() => Name;

    /// <summary>What the kernel says of it at the other end of the link.</summary>
    public FrameOffload Offload => new()
    {
        NeedsChecksum = ChecksumStart > 0,
        CwrOnFirstOnly = (GsoType & Ecn) != 0,
        ChecksumStart = (ushort)ChecksumStart,
        ChecksumOffset = (ushort)ChecksumOffset,
        Segmentation = (GsoType & ~Ecn) switch
        {
            Tcpv4 => SegmentationKind.TcpV4,
            Tcpv6 => SegmentationKind.TcpV6,
            UdpL4 => SegmentationKind.Udp,
            _ => SegmentationKind.None,
        },
        SegmentSize = (ushort)SegmentSize,
    };

    private static CraftedFrame Make(
        string name, Ip ip, byte protocol, byte[] transport, int checksumOffset, byte[] payload, byte type, int segment)
    {
        byte[] options = ip.Options ?? [];
        int pseudo = Sum(Pseudo(ip.Source, ip.Last ?? ip.Destination, protocol, transport.Length + payload.Length));
        Word(pseudo).CopyTo(transport, checksumOffset);
        byte[] carried = [.. transport, .. payload];
        byte[] packet = ip.V6
            ? Ipv6(ip.Source, ip.Destination, options.Length > 0 ? ip.FirstExtension : protocol, [.. options, .. carried], ip.Field)
            : Ipv4(ip.Source, ip.Destination, protocol, carried, ip.Id, ip.Fragment, field: ip.Field, options: options);
        byte[] bytes = [.. Macs, .. ip.Tags ?? [], .. ip.V6 ? [0x86, 0xDD] : (byte[])[8, 0], .. packet];
        int before = bytes.Length - carried.Length;
        return new CraftedFrame(name, ip.Source, bytes, before + transport.Length, before, checksumOffset, type, segment);
    }

    private static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
