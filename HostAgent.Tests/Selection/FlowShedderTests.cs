using System.Numerics;
using HostAgent.Capture;
using HostAgent.Frames;
using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tests.Selection;

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
        _shedder.Observe(new RingLoad(0.875, 1, 1, 1), _now += 20);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 9));
        for (int i = 0; i < 10_000; i++) _link.Sheds(13, LinkLoad.Cost(102, 1));
        for (int i = 0; i < 90_000; i++) _link.Sheds(15, LinkLoad.Cost(102, 0));
        _shedder.Observe(new RingLoad(0.875, 2, 1, 1), _now += 20);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 9 | 1ul << 13), "a hundred segments each");
    }

    [Test]
    public void Frames_lost_at_random_are_given_up_by_flow_even_when_each_backlog_is_worked_off()
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
    [TestCase(20)]
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
    public void While_a_backlog_is_passed_over_nothing_becomes_dear_so_a_flow_that_fits_returns()
    {
        Look(50, busy: 0.3, overflows: false);
        Look(10, busy: 1, overflows: true);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 17), "given up");
        Look(100, busy: 0.05, overflows: false);
        Assert.That(_link.Shed, Is.Zero);
    }

    [Test]
    public void The_first_frames_take_long_and_make_nothing_dear()
    {
        for (int i = 0; i < 20; i++)
        {
            _link.Sheds(17, 2000);
            _shedder.Observe(new RingLoad(0, _overflows, 1, 1), _now += 20);
        }

        Look(20, busy: 0.5, overflows: false);
        Look(3, busy: 1, overflows: true);
        Assert.That(_link.Shed, Is.EqualTo(1ul << 17), "given up");
        Look(100, busy: 0.05, overflows: false);
        Assert.That(_link.Shed, Is.Zero);
    }

    [Test]
    public void A_ring_that_overflows_is_relieved_at_one_look_by_as_much_as_comes_too_much()
    {
        for (int part = 0; part < FlowPart.Count; part++) _link.Sheds(part, 64_000);
        _neighbour.Sheds(3, 100);
        _shedder.Observe(new RingLoad(0.875, 1, 16, 1), _now += 20);
        Assert.That(Count, Is.InRange(FlowPart.Count * 15 / 16, (FlowPart.Count * 15 / 16) + 1));
        Assert.That(_neighbour.Shed, Is.Zero);
    }

    [Test]
    public void Flows_that_have_not_been_read_yet_are_taken_for_as_bad_as_those_that_have()
    {
        for (int part = 0; part < 20; part++) _link.Sheds(part, 64_000);
        _neighbour.Sheds(3, 100);
        _shedder.Observe(new RingLoad(0.875, 1, 20, 1), _now += 20);
        Assert.That(Count, Is.InRange(FlowPart.Count * 17 / 20, FlowPart.Count));
        Assert.That(_neighbour.Shed, Is.Zero);
    }

    [Test]
    public void Where_one_flow_is_the_flood_the_others_stay()
    {
        _link.Sheds(17, 64_000_000);
        for (int part = 0; part < 8; part++) _link.Sheds(part, 3000);
        _neighbour.Sheds(3, 100);
        _shedder.Observe(new RingLoad(0.875, 1, 20, 1), _now += 20);
        Assert.That(_link.Shed >> 17 & 1, Is.EqualTo(1));
        Assert.That(_link.Shed & 0xFF, Is.Zero);
        Assert.That(Count, Is.LessThan(FlowPart.Count / 4));
    }

    [Test]
    public void However_much_comes_a_link_within_its_share_loses_nothing()
    {
        // Half of the time for as long as there is no flood.
        for (int look = 0; look < 20; look++)
        {
            for (int part = 0; part < FlowPart.Count; part++) _neighbour.Sheds(part, Frame);
            _link.Sheds(3, 100);
            _shedder.Observe(new RingLoad(0, _overflows, 1, 0.3), _now += 20);
        }

        for (int look = 0; look < 10; look++)
        {
            for (int part = 0; part < FlowPart.Count; part++) _link.Sheds(part, 3 * Frame);
            for (int part = 0; part < FlowPart.Count; part++) _neighbour.Sheds(part, Frame / 8);
            _shedder.Observe(new RingLoad(1, ++_overflows, 50, 1), _now += 20);
        }

        Assert.That(_neighbour.Shed, Is.Zero);
        Assert.That(Count, Is.GreaterThan(FlowPart.Count * 3 / 4));
    }

    [Test]
    public void What_once_was_dear_is_tried_again_in_minutes_and_not_in_seconds()
    {
        var returned = new List<long>();
        while (_now < 600_000)
        {
            // All that part 17 sends takes the thread twice the time that there is.
            ulong before = _link.Shed;
            bool sends = before == 0;
            Look(1, busy: sends ? 1 : 0.05, overflows: sends);
            if (!sends && _link.Shed == 0) returned.Add(_now);
        }

        Assert.That(returned, Has.Count.InRange(2, 20), "attempts in ten minutes");
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
            _shedder.Observe(new RingLoad(look < 10 ? 1 : 0.2, look < 10 ? look : 10, 1, 1), _now += 20);
        }

        Assert.That(_neighbour.Shed, Is.Zero);
        Assert.That((double)_link.Sent / third.Sent, Is.InRange(0.5, 2));
    }

    [Test]
    public void What_is_low_goes_first_and_high_only_when_nothing_else_is_left()
    {
        LinkLoad low = new(9) { Priority = MirrorPriority.Low };
        _link.Priority = MirrorPriority.High;
        _shedder.Watch([_link, _neighbour, low]);
        var order = new List<string>();
        for (int look = 0; look < 1000 && Count < FlowPart.Count; look++)
        {
            for (int part = 0; part < FlowPart.Count; part++)
            {
                _link.Sheds(part, 64_000);
                _neighbour.Sheds(part, 1000);
                low.Sheds(part, 1000);
            }

            _shedder.Observe(new RingLoad(1, ++_overflows, 1, 1), _now += 20);
            string gone = string.Concat(
                low.Shed != 0 ? "l" : "", low.Shed == ulong.MaxValue ? "L" : "", _neighbour.Shed != 0 ? "n" : "",
                _neighbour.Shed == ulong.MaxValue ? "N" : "", Count > 0 ? "h" : "");
            if (order.Count == 0 || order[^1] != gone) order.Add(gone);
        }

        // Nothing of a priority is gone while anything of a lower one is left.
        Assert.That(order, Is.SubsetOf(["", "l", "lL", "lLn", "lLnN", "lLnNh"]));
        Assert.That(order[^1], Is.EqualTo("lLnNh"));

        while (low.Shed != 0)
        {
            _shedder.Observe(new RingLoad(0, _overflows, 1, 0.1), _now += 20);
            if (_neighbour.Shed != ulong.MaxValue) Assert.That(Count, Is.Zero, "the highest returns first");
            if (low.Shed != ulong.MaxValue) Assert.That(_neighbour.Shed, Is.Zero, "then what is normal");
        }
    }

    [Test]
    public void A_limit_on_the_threads_time_is_kept_without_any_backlog_and_given_back()
    {
        _shedder.BusyLimit = 0.4;
        double BusyOf() => 0.05 + (0.8 * (FlowPart.Count - Count) / FlowPart.Count);
        for (int second = 0; second < 10; second++) Work(50, BusyOf);
        Assert.That(BusyOf(), Is.InRange(0.25, 0.4));
        Assert.That(_neighbour.Shed, Is.Zero, "what costs little is not what takes the time");
        ulong kept = _link.Shed;
        Work(3000, BusyOf);
        Assert.That(BitOperations.PopCount(kept ^ _link.Shed), Is.LessThanOrEqualTo(8), "in a minute it has come to rest");

        _shedder.BusyLimit = 1;
        Work(500, BusyOf);
        Assert.That(Count, Is.Zero);
    }

    private void Work(int looks, Func<double> busy)
    {
        for (int i = 0; i < looks; i++)
        {
            for (int part = 0; part < FlowPart.Count; part++) _link.Sheds(part, Frame);
            _neighbour.Sheds(3, 100);
            _shedder.Observe(new RingLoad(0, 0, 1, busy()), _now += 20);
        }
    }

    private void Look(int times, double busy, bool overflows)
    {
        for (int i = 0; i < times; i++)
        {
            _link.Sheds(17, 64_000);
            _neighbour.Sheds(3, 100);
            _shedder.Observe(new RingLoad(overflows ? 1 : 0, overflows ? ++_overflows : _overflows, 1, busy), _now += 20);
        }
    }

    private void Run(double backlog, int milliseconds, int overflows = 0)
    {
        for (int i = 0; i < milliseconds; i += 5)
        {
            _now += 5;
            for (int part = 0; part < FlowPart.Count; part++) _link.Sheds(part, _bytes[part]);
            if (_shedder.IsDue(_now)) _shedder.Observe(new RingLoad(backlog, _overflows += overflows, 1, 1), _now);
        }
    }

    /// <summary>A ring that holds what is sent in 50 ms, filled by a flood over all parts of one link and a trickle on the other.</summary>
    private sealed class Ring(double overload)
    {
        private const long CostOfMillisecond = 1_000_000;
        private const long Room = 50 * CostOfMillisecond;

        // What is given up takes a thirtieth of the time and of the room: it comes as heads, which only need to be counted.
        private const int Head = 30;

        private readonly Queue<(LinkLoad Link, int Part, long Cost, long Size)> _waiting = new();
        private long _filled, _owed, _time, _came, _read;

        public double Overload { get; set; } = overload;

        public List<long> OverflowedAt { get; } = [];

        public void Run(FlowShedderTests test, int milliseconds)
        {
            long worked = 0;
            for (int i = 0; i < milliseconds; i++, _time++)
            {
                test._now++;
                for (int part = 0; part < FlowPart.Count; part++)
                    Arrive(test, test._link, part, (long)(CostOfMillisecond * Overload / FlowPart.Count));
                Arrive(test, test._neighbour, (int)(_time % FlowPart.Count), 10_000);
                worked += Work();
                if (!test._shedder.IsDue(test._now)) continue;
                double excess = Math.Max(1, (double)_came / Math.Max(1, _read)), busy = worked / (20.0 * CostOfMillisecond);
                test._shedder.Observe(new RingLoad((double)_filled / Room, test._overflows, excess, busy), test._now);
                (worked, _came, _read) = (0, 0, 0);
            }
        }

        private void Arrive(FlowShedderTests test, LinkLoad link, int part, long cost)
        {
            long size = (link.Shed >> part & 1) != 0 ? cost / Head : cost;
            _came++;
            if (_filled + size > Room)
            {
                test._overflows++;
                OverflowedAt.Add(_time);
                return;
            }

            _waiting.Enqueue((link, part, cost, size));
            _filled += size;
        }

        /// <summary>A millisecond of the thread; returns how much of it was needed.</summary>
        private long Work()
        {
            while (_owed < CostOfMillisecond && _waiting.TryDequeue(out var frame))
            {
                _filled -= frame.Size;
                _read++;
                _owed += frame.Link.Sheds(frame.Part, frame.Cost) ? frame.Cost / Head : frame.Cost;
            }

            long worked = Math.Min(_owed, CostOfMillisecond);
            _owed -= worked;
            return worked;
        }
    }
}
