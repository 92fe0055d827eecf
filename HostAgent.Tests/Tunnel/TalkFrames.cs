using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>Finished frames of one pod to nobody, of the kinds that filters tell apart. Each payload has its number.</summary>
internal static class TalkFrames
{
    private const string From = "10.62.0.1", To = "10.62.0.2", From6 = "fd62::1", To6 = "fd62::2";

    public static byte[] Udp(ushort port, int number = 0, byte[]? tags = null) =>
        Tagged(tags, 0x0800, FrameBuilder.Ipv4(From, To, 17, FrameBuilder.Udp(From, To, 40000, port, Payload(number)), (ushort)number));

    public static byte[] Tcp(ushort port, int number = 0, byte[]? tags = null)
    {
        byte[] segment = FrameBuilder.Tcp(From, To, 40000, port, (uint)number, Payload(number));
        return Tagged(tags, 0x0800, FrameBuilder.Ipv4(From, To, 6, segment, (ushort)number));
    }

    /// <summary>One of each kind: untagged, tagged once and twice, both IP versions, fragments, without ports, without IP, short.</summary>
    public static IReadOnlyList<byte[]> Corpus()
    {
        byte[] datagram = FrameBuilder.Udp(From, To, 40000, 53, Payload(1));
        byte[] datagram6 = FrameBuilder.Udp(From6, To6, 40000, 53, Payload(1));
        byte[][] tags = [[], [0x81, 0, 0, 9], [0x81, 0, 0, 10], [0x88, 0xA8, 0, 9, 0x81, 0, 0, 10]];
        return
        [
            .. tags.SelectMany(tag => new[] { Udp(53, 2, tag), Udp(54, 3, tag), Tcp(443, 4, tag), Tcp(80, 5, tag) }),
            .. tags.Select(tag => Tagged(tag, 0x86DD, FrameBuilder.Ipv6(From6, To6, 17, datagram6))),
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(From, To, 17, datagram[..32], 7, 0x2000)),
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(From, To, 17, datagram[32..], 7, 0x0004)),
            FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6(From6, To6, 44, [17, 0, 0, 1, 0, 0, 0, 9, .. datagram6[..32]])),
            FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6(From6, To6, 44, [17, 0, 0, 32, 0, 0, 0, 9, .. datagram6[32..]])),
            FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6(From6, To6, 58, FrameBuilder.Icmp6(From6, To6, [128, 0, 0, 0, 0, 7, 0, 1]))),
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(From, To, 1, [8, 0, 0xF7, 0xFD, 0, 1, 0, 1])),
            FrameBuilder.Ethernet(0x0806, [0, 1, 8, 0, 6, 4, 0, 1, .. new byte[20]]),
            FrameBuilder.Ethernet(0x88B5, new byte[6]),
            FrameBuilder.Ethernet(0x88B5, new byte[300]),
        ];
    }

    private static byte[] Payload(int number) => [.. BitConverter.GetBytes(number), .. new byte[60]];

    private static byte[] Tagged(byte[]? tags, ushort type, byte[] packet)
    {
        byte[] frame = FrameBuilder.Ethernet(type, packet);
        return [.. frame[..12], .. tags ?? [], .. frame[12..]];
    }
}
