using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FlowShedderTests
{
    private readonly FlowShedder _shedder = new();
    private long _now;

    private int Parts(Func<uint, bool> of) => Enumerable.Range(0, FlowShedder.Parts).Count(i => of((uint)i));

    private void Run(double backlog, int milliseconds)
    {
        for (int i = 0; i < milliseconds; i += 5) _shedder.Observe(backlog, _now += 5);
    }

    [Test]
    public void A_pause_that_is_worked_off_sheds_nothing()
    {
        Run(0, 100);
        foreach (double backlog in new[] { 0.875, 0.75, 0.625, 0.5, 0.25 }) Run(backlog, 20);
        Assert.That(_shedder.Shed, Is.Zero);
    }

    [Test]
    public void A_backlog_that_stays_sheds_ever_more_flows()
    {
        Run(0.875, 100);
        int soon = _shedder.Shed;
        Assert.That(soon, Is.Positive.And.LessThan(FlowShedder.Parts));
        Run(0.875, 1000);
        Assert.That(_shedder.Shed, Is.EqualTo(FlowShedder.Parts));
        Assert.That(_shedder.Sheds(12345), Is.True);
    }

    [Test]
    public void It_takes_everything_back_within_a_second_or_so()
    {
        Run(0.875, 2000);
        Run(0, 1500);
        Assert.That(_shedder.Shed, Is.Zero);
    }

    [Test]
    public void What_is_shed_is_a_share_of_the_flows_and_the_same_flows_every_time()
    {
        Run(0.875, 160);
        int shed = _shedder.Shed;
        Assert.That(Parts(_shedder.Sheds), Is.EqualTo(shed));
        bool[] before = [.. Enumerable.Range(0, 1000).Select(i => _shedder.Sheds((uint)i * 2654435761))];
        Run(0.875, 60);
        bool[] after = [.. Enumerable.Range(0, 1000).Select(i => _shedder.Sheds((uint)i * 2654435761))];
        Assert.That(_shedder.Shed, Is.GreaterThan(shed));
        Assert.That(before.Zip(after).All(pair => !pair.First || pair.Second), "a flow that is shed stays shed while more are");
    }

    [Test]
    public void Coming_back_too_soon_makes_the_next_attempt_wait_longer()
    {
        Run(0.875, 300);
        var waits = new List<long>();
        for (int round = 0; round < 4; round++)
        {
            int before = _shedder.Shed;
            long start = _now;
            while (_shedder.Shed == before) Run(0, 20);
            waits.Add(_now - start);
            Run(0.875, 60);
        }

        Assert.That(waits[^1], Is.GreaterThan(waits[0] * 2));
    }
}
