using HostAgent.Capture;
using HostAgent.Selection;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Selection;

/// <summary>Of which flows the kernel is told that hardly anything of them is wanted.</summary>
public sealed class HeavyFlowsTests
{
    private readonly Random _random = new(3);
    private HeavyFlows _heavy = null!;

    [SetUp]
    public void Begin() => _heavy = new HeavyFlows();

    [Test]
    public void The_heavy_ones_are_listed_and_the_light_ones_are_not()
    {
        (ulong Key, LinkFlow Flow)[] flows = [.. Enumerable.Range(0, 500).Select(_ => Any())];
        for (int look = 0; look < 50; look++)
        {
            foreach ((ulong key, LinkFlow flow) in flows) _heavy.Note(key, flow, flow == flows[7].Flow ? 5_000_000 : 2200);
            _heavy.Age();
        }

        Assert.That(_heavy.Listed, Is.EqualTo([flows[7].Flow]));
        LinkFlow[] before = _heavy.Listed;
        _heavy.Age();
        Assert.That(_heavy.Listed, Is.SameAs(before), "nothing has changed");
    }

    [Test]
    public void Never_more_are_listed_than_the_kernel_is_told_of()
    {
        for (int look = 0; look < 20; look++)
        {
            for (int i = 0; i < 500; i++)
            {
                (ulong key, LinkFlow flow) = Any();
                _heavy.Note(key, flow, 50_000_000);
            }

            _heavy.Age();
            Assert.That(_heavy.Listed, Has.Length.LessThanOrEqualTo(HeavyFlows.Count));
        }

        Assert.That(_heavy.Listed, Has.Length.GreaterThan(HeavyFlows.Count / 2));
    }

    [Test]
    public void A_flow_leaves_the_list_when_it_ends()
    {
        (ulong key, LinkFlow flow) = Listed();
        _heavy.Forget(key + 1);
        _heavy.Age();
        Assert.That(_heavy.Listed, Is.EqualTo([flow]));
        _heavy.Forget(key);
        _heavy.Age();
        Assert.That(_heavy.Listed, Is.Empty);
    }

    [Test]
    public void A_flow_leaves_the_list_when_it_falls_silent()
    {
        Listed();
        int looks = 0;
        for (; _heavy.Listed.Length > 0; looks++) _heavy.Age();
        Assert.That(looks, Is.InRange(300, 3000));
    }

    [Test]
    public void A_flow_leaves_the_list_when_whole_flows_of_its_link_are_wanted()
    {
        Listed();
        _heavy.Keep(new LinkTable([TestLink.Of(3) with { Slice = 1 }]));
        _heavy.Age();
        Assert.That(_heavy.Listed, Has.Length.EqualTo(1));
        _heavy.Keep(new LinkTable([TestLink.Of(3), TestLink.Of(4) with { Slice = 1 }]));
        _heavy.Age();
        Assert.That(_heavy.Listed, Is.Empty);
    }

    private (ulong Key, LinkFlow Flow) Any() => ((ulong)_random.NextInt64(), new LinkFlow(3, (uint)_random.Next()));

    private (ulong Key, LinkFlow Flow) Listed()
    {
        (ulong key, LinkFlow flow) = Any();
        _heavy.Note(key, flow, 5_000_000);
        _heavy.Age();
        Assert.That(_heavy.Listed, Is.EqualTo([flow]));
        return (key, flow);
    }
}
