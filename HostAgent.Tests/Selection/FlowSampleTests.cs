using HostAgent.Frames;
using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tests.Selection;

/// <summary>Which flows a sample holds.</summary>
public sealed class FlowSampleTests
{
    private static readonly uint[] Hashes = [.. Enumerable.Range(0, 100_000).Select(i => (uint)i * 2654435761u)];

    [TestCase(1, 8)]
    [TestCase(3, 4)]
    [TestCase(1, 100)]
    public void It_holds_its_share_of_the_flows(int kept, int of)
    {
        var sample = new FlowSample(new SampleShare(kept, of));
        Assert.That(Hashes.Count(sample.Holds) / (double)Hashes.Length, Is.EqualTo((double)kept / of).Within(5).Percent);
    }

    [Test]
    public void A_smaller_share_is_a_part_of_a_larger_one()
    {
        var small = new FlowSample(new SampleShare(1, 8));
        var large = new FlowSample(new SampleShare(1, 4));
        Assert.That(Hashes.Where(small.Holds).All(large.Holds), Is.True);
    }

    [Test]
    public void The_whole_holds_everything()
    {
        var whole = new FlowSample(new SampleShare(5, 5));
        Assert.That(whole.IsWhole && Hashes.All(whole.Holds) && whole.Holds(uint.MaxValue), Is.True);
    }

    [Test]
    public void What_is_in_a_sample_still_spreads_over_all_source_ports()
    {
        var sample = new FlowSample(new SampleShare(1, 16));
        Assert.That(Hashes.Where(sample.Holds).Select(hash => hash >> 28).Distinct().Count(), Is.EqualTo(16));
    }

    /// <summary>Agents of different versions on the two nodes of a flow must choose the same one.</summary>
    [Test]
    public unsafe void It_is_the_same_in_every_process_and_version()
    {
        var sample = new FlowSample(new SampleShare(1, 8));
        Assert.That(Enumerable.Range(0, 64).Where(i => sample.Holds((uint)i)), Is.EqualTo((int[])[0, 7, 34, 42, 51, 52, 56]));

        byte[] dns =
        [
            .. new byte[12], 0x08, 0x00,
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            5000 >> 8, 5000 & 0xFF, 0, 53, 0, 8, 0, 0,
        ];
        fixed (byte* frame = dns) Assert.That(FrameParser.Parse(frame, dns.Length).FlowHash, Is.EqualTo(0xBC4CF90Bu));
    }
}
