using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Selection;
using HostAgent.Tests.Network;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>Frames of every kind, damaged lightly, with damaged metadata.</summary>
internal static class DamagedFrame
{
    private static readonly byte[] Spice =
        [0, 1, 4, 5, 6, 8, 17, 41, 43, 44, 47, 51, 58, 60, 0x45, 0x46, 0x4F, 0x60, 0x65, 0x7F, 0x80, 0x81, 0x86,
            0x88, 0xA8, 0xDD, 132, 0xF0, 0xFF];

    /// <summary>What is damaged.</summary>
    public static IReadOnlyList<CraftedFrame> Seeds { get; } =
    [
        CraftedFrame.Tcp("", new("10.56.0.1"), 4000, 1448, flags: 0xD9),
        CraftedFrame.Tcp("", new("10.56.0.1", [7, 7, 4, 0, 0, 0, 0, 0]), 3000, 536, options: [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]),
        CraftedFrame.Tcp("", new("10.56.0.1", Tags: [0x81, 0, 0, 7]), 2000, 700),
        CraftedFrame.Tcp("", new("fd56::1"), 4000, 1428),
        CraftedFrame.Tcp("", new("fd56::1", [6, 0, 1, 4, 0, 0, 0, 0]), 2000, 999),
        CraftedFrame.Udp("", new("10.56.0.1"), 4000, 1200),
        CraftedFrame.Udp("", new("fd56::1", [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0]), 3000, 700),
        CraftedFrame.Udp("", new("10.56.0.1"), 53),
        CraftedFrame.Udp("", new("fd56::1"), 0),
        CraftedFrame.Tcp("", new("10.56.0.1"), 1, 0),
        CraftedFrame.Icmpv6("", new("fd56::1"), 30),
        Finished(FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6("fd56::1", "fd56::2", 44, [17, 0, 0, 1, 0, 0, 0, 9, .. new byte[40]]))),
        Finished(FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.56.0.1", "10.56.0.2", 132, new byte[28]))),
        Finished(FrameBuilder.Ethernet(0x0806, new byte[46])),
        InTunnel(CraftedFrame.Tcp("", new("10.56.0.1"), 4000, 1398)),
        InTunnel(CraftedFrame.Tcp("", new("fd56::1"), 4000, 1300)),
    ];

    /// <summary>The frame and what the kernel says about it, of which one, the other, both or none are wrong.</summary>
    public static (byte[] Bytes, Frame Frame) Of(CraftedFrame seed, Random random) =>
        (Damaged(seed.Bytes, random), Described(seed, random));

    /// <summary>A sender that knows the links of these frames.</summary>
    public static FrameSender Sender(ShardLedger ledger, Transport transport)
    {
        var links = new LinkTable([TestLink.Of(3), TestLink.Of(4, bridge: 9), TestLink.Of(5, bridge: 9)]);
        return new FrameSender(ledger, 0) { Plan = new ShardPlan(links, [transport], []) };
    }

    /// <summary>What the kernel says about a frame that is whole, from a pod.</summary>
    public static Frame Whole(CraftedFrame crafted) =>
        new() { LinkIndex = 3, Timestamp = DateTime.UtcNow.Ticks, Offload = crafted.Offload };

    /// <summary>The part of all flows that a frame belongs to, as the agent sees it.</summary>
    public static int PartOf(byte[] frame) => FlowPart.Of(SecretHashOf(frame));

    /// <summary>The hash of a frame's flow, as the agent and the kernel's filter see it.</summary>
    public static unsafe uint SecretHashOf(byte[] frame)
    {
        fixed (byte* start = frame) return FrameParser.SecretHashOf(start, FrameParser.Parse(start, frame.Length));
    }

    private static Frame Described(CraftedFrame crafted, Random random)
    {
        Frame frame = Whole(crafted);
        frame.LinkIndex = random.Next(20) == 0 ? 99 : random.Next(3, 6);
        frame.ToPod = random.Next(2) == 0;
        frame.Missing = random.Next(50) == 0 ? random.Next(1, 1000) : 0;
        frame.HeadOnly = frame.Missing > 0 && random.Next(2) == 0;
        frame.VlanTag = random.Next(8) == 0 ? (random.Next(2) == 0 ? 0x8100u : 0x88A8u) << 16 | (uint)random.Next(65536) : 0;
        if (random.Next(3) > 0) return frame;
        FrameOffload offload = frame.Offload;
        frame.Offload = new FrameOffload
        {
            NeedsChecksum = random.Next(2) == 0,
            ChecksumStart = (ushort)Odd(random),
            ChecksumOffset = random.Next(2) == 0 ? (ushort)Odd(random) : offload.ChecksumOffset,
            Segmentation = random.Next(2) == 0 ? (SegmentationKind)random.Next(5) : offload.Segmentation,
            SegmentSize = random.Next(2) == 0 ? (ushort)Odd(random) : offload.SegmentSize,
        };
        return frame;
    }

    private static int Odd(Random random) =>
        random.Next(4) switch { 0 => random.Next(16), 1 => random.Next(100), 2 => random.Next(2000), _ => random.Next(65536) };

    private static byte[] Damaged(byte[] frame, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return frame;
            case 1:
                // In the headers, where it matters, and with the length kept.
                byte[] bytes = [.. frame];
                for (int n = random.Next(1, 4); n > 0; n--)
                {
                    bytes[random.Next(Math.Min(bytes.Length, 100))] = random.Next(2) == 0
                        ? (byte)random.Next(256)
                        : Spice[random.Next(Spice.Length)];
                }

                return bytes;
            case 2:
                return frame[..random.Next(frame.Length + 1)];
            default:
                byte[] headers = Mutation.Of(frame.AsSpan(0, Math.Min(frame.Length, 120)), random, Spice);
                return random.Next(2) == 0 ? headers : [.. headers, .. frame[Math.Min(frame.Length, 120)..]];
        }
    }

    private static CraftedFrame Finished(byte[] frame) => new("", "", frame, 0, 0, 0);

    /// <summary>The super-frame inside VXLAN, as a pod's own tunnel sends it.</summary>
    private static CraftedFrame InTunnel(CraftedFrame inner)
    {
        byte[] frame = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.56.1.1", "10.56.1.2", 17,
            FrameBuilder.Udp("10.56.1.1", "10.56.1.2", 5000, 8472, [8, 0, 0, 0, 0, 0, 5, 0, .. inner.Bytes])));
        return inner with { Bytes = frame, Headers = inner.Headers + 50, ChecksumStart = inner.ChecksumStart + 50 };
    }
}
