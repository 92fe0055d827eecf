using System.Buffers.Binary;
using System.Globalization;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Pipeline;
using HostAgent.Policy;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Damaged frames with damaged metadata through everything that a frame passes: VLAN tags, parsing, the duplicate filter, checksums,
/// cutting. HOSTAGENT_FUZZ_ROUNDS sets how many (100,000), HOSTAGENT_FUZZ_SEED which.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class FrameFuzzTests
{
    [TestCase(8950, false)]
    [TestCase(8950, true)]
    [TestCase(1450, false)]
    [TestCase(300, true)]
    public void Damaged_frames_do_no_harm(int maxInnerFrame, bool merged)
    {
        int rounds = Setting("HOSTAGENT_FUZZ_ROUNDS", 100_000), seed = Setting("HOSTAGENT_FUZZ_SEED", 4);
        TestContext.Progress.WriteLine($"{rounds} rounds with seed {seed}");
        var random = new Random(seed + maxInnerFrame);
        var ledger = new ShardLedger();
        var transport = new RecordingTransport(maxInnerFrame, ledger, merged ? SegmentLimit.Link : SegmentLimit.Wire);
        FrameSender sender = DamagedFrame.Sender(ledger, transport);
        using var memory = new GuardedMemory(256 << 10);
        long settled = 0, cut = 0;
        for (int round = 0; round < rounds; round++)
        {
            (byte[] bytes, Frame frame) = DamagedFrame.Of(DamagedFrame.Seeds[random.Next(DamagedFrame.Seeds.Count)], random);
            frame.Headroom = random.Next(4) == 0 ? 0 : random.Next(1, 160);
            transport.Sent.Clear();
            try
            {
                sender.Send(memory.BlockOf(bytes, frame));
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
                throw new AssertionException(
                    $"round {round} of seed {seed}: {e.Message}\n{frame.Offload} VLAN {frame.VlanTag:x}\n{Convert.ToHexStringLower(bytes)}",
                    e);
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
                Assert.That(BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(18)),
                    Is.EqualTo(segment.Length - 54), "IPv6 payload length");
            }
        }

        // A jumbogram (its IPv6 payload length is zero) leaves without the option that made it one; what is left is compared elsewhere.
        bool jumbo = Enumerable.Range(0, 5).Select(tags => 18 + (4 * tags))
            .Any(at => at + 2 <= bytes.Length && bytes[at] == 0 && bytes[at + 1] == 0);
        if (sent.Count == 1 || jumbo) return;
        // All lengths together are n times the headers and the payload; the frame's own is the headers, without the tag, and the payload.
        int repeated = lengths.Sum() - bytes.Length - tag, headers = repeated / (sent.Count - 1);
        Assert.That(repeated % (sent.Count - 1), Is.Zero);
        byte[] joined = [.. sent.SelectMany(segment => segment[headers..])];
        Assert.That(joined.AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - joined.Length)), "the payload");
    }

    private static int Setting(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
