using System.Buffers.Binary;
using System.Globalization;
using HostAgent.Capture;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Damaged frames with damaged metadata through everything that a frame passes: VLAN tags, parsing, the duplicate filter, checksums,
/// cutting. HOSTAGENT_FUZZ_ROUNDS sets how many (100,000), HOSTAGENT_FUZZ_SEED which.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class FrameFuzzTests
{
    private static readonly byte[] Spice =
        [0, 1, 4, 5, 6, 8, 17, 41, 43, 44, 47, 51, 58, 60, 0x45, 0x46, 0x4F, 0x60, 0x65, 0x7F, 0x80, 0x81, 0x86, 0x88, 0xA8, 0xDD, 132, 0xF0, 0xFF];

    private static readonly CraftedFrame[] Seeds =
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

    [TestCase(8950)]
    [TestCase(1450)]
    [TestCase(300)]
    public void Damaged_frames_do_no_harm(int maxInnerFrame)
    {
        int rounds = Setting("HOSTAGENT_FUZZ_ROUNDS", 100_000), seed = Setting("HOSTAGENT_FUZZ_SEED", 4);
        TestContext.Progress.WriteLine($"{rounds} rounds with seed {seed}");
        var random = new Random(seed + maxInnerFrame);
        var ledger = new ShardLedger();
        var transport = new RecordingTransport(maxInnerFrame, ledger);
        var pod = new MirroredPod("ns", "pod", "uid", 1);
        var links = new LinkTable([new MirroredLink(3, pod, 1, 0, 0, [new LinkCounters()]), new MirroredLink(4, pod, 1, 9, 0, [new LinkCounters()]), new MirroredLink(5, pod, 1, 9, 0, [new LinkCounters()])]);
        var sender = new FrameSender(ledger, 0) { Plan = new ShardPlan(links, [transport], []) };
        using var block = new GuardedBlock();
        long settled = 0, cut = 0;
        for (int round = 0; round < rounds; round++)
        {
            CraftedFrame crafted = Seeds[random.Next(Seeds.Length)];
            byte[] bytes = Damaged(crafted.Bytes, random);
            Frame frame = Described(crafted, random);
            frame.Headroom = random.Next(4) == 0 ? 0 : random.Next(1, 160);
            block.Place(bytes, frame);
            transport.Sent.Clear();
            try
            {
                sender.Send(block);
                LedgerSnapshot now = ledger.AddTo(LedgerSnapshot.Empty);
                long before = settled;
                settled = now.Delivered + now.Losses.Sum();
                Assert.That(settled, Is.EqualTo(before + 1), "each frame is settled once");
                Assert.That(now.Lost(LossReason.Fault), Is.Zero);
                cut += transport.Sent.Count > 1 ? 1 : 0;
                Judge(bytes, frame, transport.Sent, maxInnerFrame);
            }
            catch (Exception e)
            {
                throw new AssertionException($"round {round} of seed {seed}: {e.Message}\n{frame.Offload} VLAN {frame.VlanTag:x}\n{Convert.ToHexStringLower(bytes)}", e);
            }
        }

        // Damage is light enough that many frames are still cut: else this would test nothing.
        Assert.That(cut, Is.GreaterThan(rounds / 50));
        sender.Plan = ShardPlan.Nothing;
        sender.AdoptPlan();
    }

    /// <summary>What the sensor gets is no longer than it may be, and holds the frame's bytes, each once.</summary>
    private static void Judge(byte[] bytes, in Frame frame, List<byte[]> sent, int maxInnerFrame)
    {
        if (sent.Count == 0) return;
        int tag = frame.VlanTag != 0 && bytes.Length >= 12 && frame.Headroom >= 4 ? 4 : 0;
        if (frame.Offload.Segmentation == SegmentationKind.None)
        {
            Assert.That(sent, Has.Count.EqualTo(1));
            Assert.That(sent[0], Has.Length.EqualTo(bytes.Length + tag));
            int changed = Enumerable.Range(12, Math.Max(0, bytes.Length - 12)).Count(i => bytes[i] != sent[0][i + tag]);
            Assert.That(changed, Is.LessThanOrEqualTo(frame.Offload.NeedsChecksum ? 4 : 0), "only a checksum may change");
            return;
        }

        // All segments but the last are of one size; their payloads follow each other as they lay in the frame.
        int[] lengths = [.. sent.Select(segment => segment.Length)];
        Assert.That(lengths[..^1].Distinct().Count(), Is.LessThanOrEqualTo(1));
        Assert.That(lengths[^1], Is.LessThanOrEqualTo(lengths[0]));
        bool udp = frame.Offload.Segmentation == SegmentationKind.Udp;
        if (!udp) Assert.That(lengths[0], Is.LessThanOrEqualTo(maxInnerFrame));
        foreach (byte[] segment in sent)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(12)) == 0x0800)
            {
                Assert.That(BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(16)), Is.EqualTo(segment.Length - 14), "IPv4 total length");
            }
            else if (BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(12)) == 0x86DD)
            {
                Assert.That(BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(18)), Is.EqualTo(segment.Length - 54), "IPv6 payload length");
            }
        }

        // A jumbogram (its IPv6 payload length is zero) leaves without the option that made it one; what is left is compared elsewhere.
        bool jumbo = Enumerable.Range(0, 5).Select(tags => 18 + (4 * tags)).Any(at => at + 2 <= bytes.Length && bytes[at] == 0 && bytes[at + 1] == 0);
        if (sent.Count == 1 || jumbo) return;
        // All lengths together are n times the headers and the payload; the frame's own is the headers, without the tag, and the payload.
        int repeated = lengths.Sum() - bytes.Length - tag, headers = repeated / (sent.Count - 1);
        Assert.That(repeated % (sent.Count - 1), Is.Zero);
        byte[] joined = [.. sent.SelectMany(segment => segment[headers..])];
        Assert.That(joined.AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - joined.Length)), "the payload");
    }

    private static Frame Described(CraftedFrame crafted, Random random)
    {
        bool damaged = random.Next(3) == 0;
        return new Frame
        {
            LinkIndex = random.Next(20) == 0 ? 99 : random.Next(3, 6),
            ToPod = random.Next(2) == 0,
            Whole = random.Next(50) != 0,
            Timestamp = DateTime.UtcNow.Ticks,
            VlanTag = random.Next(8) == 0 ? (random.Next(2) == 0 ? 0x8100u : 0x88A8u) << 16 | (uint)random.Next(65536) : 0,
            Offload = new FrameOffload
            {
                NeedsChecksum = damaged ? random.Next(2) == 0 : crafted.ChecksumStart > 0,
                ChecksumStart = (ushort)(damaged ? Odd(random) : crafted.ChecksumStart),
                ChecksumOffset = (ushort)(damaged && random.Next(2) == 0 ? Odd(random) : crafted.ChecksumOffset),
                Segmentation = damaged && random.Next(2) == 0 ? (SegmentationKind)random.Next(5) : (crafted.GsoType & 0x7F) switch
                {
                    1 => SegmentationKind.TcpV4,
                    4 => SegmentationKind.TcpV6,
                    5 => SegmentationKind.Udp,
                    _ => SegmentationKind.None,
                },
                SegmentSize = (ushort)(damaged && random.Next(2) == 0 ? Odd(random) : crafted.SegmentSize),
            },
        };
    }

    private static int Odd(Random random) => random.Next(4) switch { 0 => random.Next(16), 1 => random.Next(100), 2 => random.Next(2000), _ => random.Next(65536) };

    private static byte[] Damaged(byte[] frame, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return frame;
            case 1:
                // In the headers, where it matters, and with the length kept.
                byte[] bytes = [.. frame];
                for (int n = random.Next(1, 4); n > 0; n--) bytes[random.Next(Math.Min(bytes.Length, 100))] = random.Next(2) == 0 ? (byte)random.Next(256) : Spice[random.Next(Spice.Length)];
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

    private static int Setting(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
