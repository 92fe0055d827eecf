using System.Numerics;
using HostAgent.Capture;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FlowShedderTests
{
    private readonly FlowShedder _shedder = new();
    private readonly int[] _bytes = [.. Enumerable.Repeat(1000, FlowPart.Count)];
    private long _now, _dropped;

    private int Count => BitOperations.PopCount(_shedder.Shed);

    private void Run(double backlog, int milliseconds, int dropped = 0)
    {
        for (int i = 0; i < milliseconds; i += 5)
        {
            _now += 5;
            for (int part = 0; part < FlowPart.Count; part++) _shedder.Sheds(part, _bytes[part]);
            if (_shedder.IsDue(_now)) _shedder.Observe(backlog, _dropped += dropped, _now);
        }
    }

    [Test]
    public void A_pause_that_is_worked_off_sheds_nothing()
    {
        Run(0, 100);
        foreach (double backlog in new[] { 0.875, 0.75, 0.625, 0.5, 0.25 }) Run(backlog, 20);
        Assert.That(Count, Is.Zero);
    }

    [Test]
    public void A_backlog_that_stays_sheds_ever_more_flows()
    {
        Run(0.875, 100);
        Assert.That(Count, Is.Positive.And.LessThan(FlowPart.Count));
        Run(0.875, 1500);
        Assert.That(Count, Is.EqualTo(FlowPart.Count));
    }

    [Test]
    public void The_largest_flow_goes_first_and_comes_back_last()
    {
        _bytes[17] = 1_000_000;
        Run(0.875, 40);
        Assert.That(_shedder.Shed, Is.EqualTo(1ul << 17));
        Run(0.875, 200);
        Assert.That(Count, Is.GreaterThan(4));
        while (Count > 1) Run(0, 20);
        Assert.That(_shedder.Shed, Is.EqualTo(1ul << 17));
    }

    [Test]
    public void Many_small_frames_weigh_as_much_as_bulk()
    {
        for (int i = 0; i < 100_000; i++) _shedder.Sheds(9, 64);
        for (int i = 0; i < 100; i++) _shedder.Sheds(11, 64_000);
        _shedder.Observe(0.875, 1, _now += 20);
        Assert.That(_shedder.Shed, Is.EqualTo(1ul << 9));
    }

    [Test]
    public void Frames_lost_at_random_are_given_up_by_flow_instead_even_when_each_backlog_is_worked_off()
    {
        Run(0, 100);
        for (int period = 0; period < 5; period++)
        {
            Run(1, 20, dropped: 100);
            Run(0, 40);
        }

        Assert.That(Count, Is.GreaterThanOrEqualTo(8));
    }

    [Test]
    public void It_takes_everything_back_within_a_second_or_so()
    {
        Run(0.875, 2000);
        Run(0, 1500);
        Assert.That(Count, Is.Zero);
    }

    [Test]
    public void A_flow_that_is_shed_stays_shed_while_more_are()
    {
        Run(0.875, 160);
        ulong before = _shedder.Shed;
        _bytes[BitOperations.TrailingZeroCount(~before)] = 1_000_000;
        Run(0.875, 60);
        Assert.That(_shedder.Shed & before, Is.EqualTo(before));
        Assert.That(_shedder.Shed, Is.Not.EqualTo(before));
    }

    [Test]
    public void Coming_back_too_soon_makes_the_next_attempt_wait_longer()
    {
        Run(0.875, 300);
        var waits = new List<long>();
        for (int round = 0; round < 4; round++)
        {
            ulong before = _shedder.Shed;
            long start = _now;
            while (_shedder.Shed == before) Run(0, 20);
            waits.Add(_now - start);
            Run(0.875, 60);
        }

        Assert.That(waits[^1], Is.GreaterThan(waits[0] * 2));
    }
}
