using HostAgent.Governing;
using HostAgent.Policy;
using static HostAgent.Governing.GovernorLevel;

namespace HostAgent.Tests.Governing;

public sealed class GovernorLevelsTests
{
    private static readonly RuleTraffic Low = RuleTraffic.All with { Priority = MirrorPriority.Low };
    private static readonly RuleTraffic Normal = RuleTraffic.All;
    private static readonly RuleTraffic High = RuleTraffic.All with { Priority = MirrorPriority.High };

    [Test]
    public void Names_are_stable() => Assert.That(GovernorLevels.All.Select(level => $"{(int)level} {level.Name()}"),
        Is.EqualTo(["0 full", "1 sample-low", "2 slice-low", "3 sample-normal", "4 slice-normal", "5 shed"]));

    [TestCase(Full, "1/1 0", "1/1 0")]
    [TestCase(SampleLow, "1/8 0", "1/1 0")]
    [TestCase(SliceLow, "1/8 65536", "1/1 0")]
    [TestCase(SampleNormal, "1/8 65536", "1/8 0")]
    [TestCase(SliceNormal, "1/8 65536", "1/8 65536")]
    [TestCase(Shed, "1/8 65536", "1/8 65536")]
    public void Each_level_takes_what_the_one_before_took_and_more(GovernorLevel level, string low, string normal)
    {
        Assert.That((Text(level.Limit(Low)), Text(level.Limit(Normal))), Is.EqualTo((low, normal)));
        Assert.That(level.Limit(High), Is.EqualTo(High));
    }

    [TestCase("1/16", 0, "1/16 65536")]
    [TestCase("1/8", 1000, "1/8 1000")]
    [TestCase("8191/65536", 65536, "8191/65536 65536")]
    [TestCase("8193/65536", 65537, "1/8 65536")]
    [TestCase("1/4", 1 << 20, "1/8 65536")]
    public void The_stricter_of_rule_and_governor_holds(string sample, long slice, string left)
    {
        RuleTraffic rule = Low with { Sample = SampleShare.Parse(sample)!.Value, Slice = slice };
        Assert.That(Text(SliceLow.Limit(rule)), Is.EqualTo(left));
    }

    [Test]
    public void A_level_that_takes_nothing_is_no_rung()
    {
        Assert.That(GovernorLevels.Ladder([Low, Normal]), Is.EqualTo(GovernorLevels.All));
        Assert.That(GovernorLevels.Ladder([High, Low]), Is.EqualTo([Full, SampleLow, SliceLow, Shed]));
        Assert.That(GovernorLevels.Ladder([Low with { Sample = new SampleShare(1, 16) }]), Is.EqualTo([Full, SliceLow, Shed]));
        Assert.That(GovernorLevels.Ladder([]), Is.EqualTo([Full]));
    }

    [Test]
    public void Every_level_says_what_it_means() =>
        Assert.That(GovernorLevels.All.Select(level => level.InWords()), Is.Unique.And.All.Not.Empty);

    private static string Text(RuleTraffic traffic) => $"{traffic.Sample} {traffic.Slice}";
}
