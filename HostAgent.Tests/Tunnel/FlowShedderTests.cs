using System.Numerics;
using HostAgent.Capture;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>What is given up, by a simulated thread that has so much time in a look and needs so much for each frame.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FlowShedderTests
{
    private const int Frame = 1000;

    private readonly FlowShedder _shedder = new();
    private readonly LinkLoad _link = new(7), _neighbour = new(8);
    private readonly int[] _bytes = [.. Enumerable.Repeat(Frame, FlowPart.Count)];
    private long _now, _overflows;

    public FlowShedderTests() => _shedder.Watch([_link, _neighbour]);

    private int Count => BitOperations.PopCount(_link.Shed);

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
        Run(0.875, 60);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 17));
        Assert.That(_shedder.Shed, Is.EqualTo([new LinkParts(7, 1ul << 17)]));
        Run(0.875, 200);
        Assert.That(Count, Is.GreaterThan(4));
        while (Count > 1) Run(0, 20);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 17));
    }

    [Test]
    public void Many_small_frames_weigh_as_much_as_bulk_and_each_segment_as_a_frame()
    {
        for (int i = 0; i < 100_000; i++) _link.Sheds(9, LinkLoad.Cost(64, 0));
        for (int i = 0; i < 100; i++) _link.Sheds(11, LinkLoad.Cost(64_000, 1448));
        _shedder.Observe(0.875, 1, 1, _now += 20);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 9));
        for (int i = 0; i < 10_000; i++) _link.Sheds(13, LinkLoad.Cost(102, 1));
        for (int i = 0; i < 90_000; i++) _link.Sheds(15, LinkLoad.Cost(102, 0));
        _shedder.Observe(0.875, 2, 1, _now += 20);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 9 | 1ul << 13), "a hundred segments each");
    }

    [Test]
    public void Frames_lost_at_random_are_given_up_by_flow_instead_even_when_each_backlog_is_worked_off()
    {
        Run(0, 100);
        for (int period = 0; period < 5; period++)
        {
            Run(1, 20, overflows: 100);
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
        Assert.That(_shedder.Shed, Is.Empty);
    }

    [Test]
    public void A_flow_that_is_shed_stays_shed_while_more_are()
    {
        Run(0.875, 160);
        ulong before = _link.Shed;
        _bytes[BitOperations.TrailingZeroCount(~before)] = 1_000_000;
        Run(0.875, 60);
        Assert.That(_link.Shed & before, Is.EqualTo(before));
        Assert.That(_link.Shed, Is.Not.EqualTo(before));
    }

    [Test]
    public void Coming_back_too_soon_makes_the_next_attempt_wait_longer()
    {
        Run(0.875, 300);
        var waits = new List<long>();
        for (int round = 0; round < 4; round++)
        {
            ulong before = _link.Shed;
            long start = _now;
            while (_link.Shed == before) Run(0, 20);
            waits.Add(_now - start);
            Run(0.875, 60);
        }

        Assert.That(waits[^1], Is.GreaterThan(waits[0] * 2));
    }

    [TestCase(1.5)]
    [TestCase(10)]
    [TestCase(100)]
    public void A_neighbour_of_a_flood_loses_nothing_and_the_ring_overflows_for_a_moment_only(double overload)
    {
        var ring = new Ring(overload);
        ring.Run(this, 10_000);
        Assert.That(_neighbour.Shed, Is.Zero);
        Assert.That(ring.OverflowedAt.Where(time => time > 300), Is.Empty, "milliseconds");
        Assert.That(Count, Is.Positive);
    }

    [Test]
    public void When_the_flood_ends_all_is_mirrored_again()
    {
        var ring = new Ring(10);
        ring.Run(this, 2000);
        Assert.That(Count, Is.Positive);
        ring.Overload = 0;
        ring.Run(this, 1500);
        Assert.That(Count, Is.Zero);
    }

    [Test]
    public void Of_two_floods_both_are_cut_to_the_same()
    {
        LinkLoad third = new(9);
        _shedder.Watch([_link, _neighbour, third]);
        for (int look = 0; look < 200; look++)
        {
            for (int part = 0; part < FlowPart.Count; part++)
            {
                _link.Sheds(part, 3000);
                third.Sheds(part, 1000);
            }

            _neighbour.Sheds(3, 100);
            _shedder.Observe(look < 10 ? 1 : 0.2, look < 10 ? look : 10, 1, _now += 20);
        }

        Assert.That(_neighbour.Shed, Is.Zero);
        Assert.That((double)_link.Sent / third.Sent, Is.InRange(0.5, 2));
    }

    private void Run(double backlog, int milliseconds, int overflows = 0)
    {
        for (int i = 0; i < milliseconds; i += 5)
        {
            _now += 5;
            for (int part = 0; part < FlowPart.Count; part++) _link.Sheds(part, _bytes[part]);
            if (_shedder.IsDue(_now)) _shedder.Observe(backlog, _overflows += overflows, 1, _now);
        }
    }

    /// <summary>A ring that holds what is sent in 50 ms, filled by a flood over all parts of one link and a trickle on the other.</summary>
    private sealed class Ring(double overload)
    {
        private const long CostOfMillisecond = 1_000_000;

        private double _filled;
        private long _time;

        public double Overload { get; set; } = overload;

        public List<long> OverflowedAt { get; } = [];

        public void Run(FlowShedderTests test, int milliseconds)
        {
            double busy = 0;
            for (int i = 0; i < milliseconds; i++, _time++)
            {
                test._now++;
                double arrived = 0;
                for (int part = 0; part < FlowPart.Count; part++)
                {
                    long cost = (long)(CostOfMillisecond * Overload / FlowPart.Count);
                    if (!test._link.Sheds(part, cost)) arrived += cost;
                }

                if (!test._neighbour.Sheds((int)(_time % FlowPart.Count), 10_000)) arrived += 10_000;
                busy += Math.Min(1, (_filled + arrived) / CostOfMillisecond) / 20;
                _filled = Math.Max(0, _filled + arrived - CostOfMillisecond);
                if (_filled > 50 * CostOfMillisecond)
                {
                    _filled = 50 * CostOfMillisecond;
                    test._overflows++;
                    OverflowedAt.Add(_time);
                }

                if (!test._shedder.IsDue(test._now)) continue;
                test._shedder.Observe(_filled / (50 * CostOfMillisecond), test._overflows, busy, test._now);
                busy = 0;
            }
        }
    }
}
