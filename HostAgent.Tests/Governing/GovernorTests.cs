using HostAgent.Governing;
using HostAgent.Policy;
using static HostAgent.Governing.GovernorLevel;

namespace HostAgent.Tests.Governing;

/// <summary>When the governor steps, and how often, under simulated loads.</summary>
public sealed class GovernorTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Test]
    public void Just_below_the_budget_it_takes_no_step_in_a_day()
    {
        SimulatedLoad load = new SimulatedLoad().Run(24 * Hour, 0.93);
        Assert.That((load.Governor.Level, load.Steps, load.Governor.Reason), Is.EqualTo((Full, 0, (string?)null)));
    }

    [Test]
    public void Just_above_the_budget_it_takes_one_step_in_an_hour()
    {
        SimulatedLoad load = new SimulatedLoad().Run(Hour, 1.08);
        Assert.That(load.Path, Is.EqualTo([SampleLow]));
        Assert.That(load.Governor.Reason, Is.EqualTo("cpu"));
    }

    [TestCase(1.5, 1)]
    [TestCase(3, 3)]
    [TestCase(30, 5)]
    public void Constant_overload_is_a_way_down_and_no_way_back(double cost, int steps)
    {
        SimulatedLoad load = new SimulatedLoad().Run(Hour, cost);
        Assert.That((load.Governor.StepsDown, load.Governor.StepsUp), Is.EqualTo((steps, 0)), string.Join(", ", load.Path));
    }

    [Test]
    public void A_day_of_constant_overload_is_tried_again_now_and_then_only()
    {
        SimulatedLoad load = new SimulatedLoad().Run(24 * Hour, 1.1);
        Assert.That(load.Governor.StepsUp, Is.Positive.And.LessThan(24), "less than once an hour, since what was learned may be wrong");
        Assert.That(load.Governor.StepsDown, Is.EqualTo(load.Governor.StepsUp + 1));
    }

    [Test]
    public void A_flood_takes_it_down_step_by_step_and_its_end_brings_it_back()
    {
        SimulatedLoad load = new SimulatedLoad().Run(10 * Minute, 0.3).Run(2 * Minute, 3);
        Assert.That(load.Path, Is.EqualTo([SampleLow, SliceLow, SampleNormal]));
        load.Run(2 * Minute, 0.3);
        Assert.That(load.Path, Is.EqualTo([SampleLow, SliceLow, SampleNormal, SliceLow, SampleLow, Full]));
        Assert.That(load.Governor.Reason, Does.StartWith("there is room for more"));
        load.Run(Hour, 0.3);
        Assert.That(load.Steps, Is.EqualTo(6));
    }

    [Test]
    public void Half_of_the_load_comes_back_when_half_of_it_has_gone()
    {
        SimulatedLoad load = new SimulatedLoad().Run(5 * Minute, 1.5).Run(Minute, 0.6);
        Assert.That(load.Path, Is.EqualTo([SampleLow, Full]));
    }

    [Test]
    public void A_load_between_room_and_limit_is_left_at_the_level_where_it_is()
    {
        SimulatedLoad below = new SimulatedLoad().Run(Hour, 0.9), above = new SimulatedLoad().Run(Minute, 1.5).Run(15 * Minute, 0.9);
        Assert.That(below.Path, Is.Empty);
        Assert.That(above.Path, Is.EqualTo([SampleLow]));
        above.Run(Hour, 0.9);
        Assert.That(above.Path, Is.EqualTo([SampleLow, Full]), "with nothing but time to say that it may fit, it is tried");
    }

    [Test]
    public void A_burst_of_four_seconds_is_no_overload()
    {
        SimulatedLoad load = new SimulatedLoad().Run(Hour, second => second % 60 is > 10 and <= 14 ? 1.9 : 0.3);
        Assert.That(load.Path, Is.Empty);
    }

    [TestCase(10, 8, 4)]
    [TestCase(30, 12, 6)]
    [TestCase(120, 24, 4)]
    [TestCase(600, 24, 20)]
    public void A_load_that_comes_and_goes_takes_few_steps_an_hour(int halfPeriod, int first, int later)
    {
        var load = new SimulatedLoad();
        var steps = new List<long>();
        for (int hour = 0; hour < 4; hour++)
        {
            long before = load.Steps;
            load.Run(Hour, second => second / halfPeriod % 2 < 1 ? 2 : 0.2);
            steps.Add(load.Steps - before);
        }

        TestContext.Out.WriteLine($"{halfPeriod} s on, {halfPeriod} s off: {string.Join(", ", steps)} steps in each hour");
        Assert.That(steps[0], Is.LessThanOrEqualTo(first), "while it learns");
        Assert.That(steps[1..], Is.All.LessThanOrEqualTo(later));
    }

    [Test]
    public void Pressure_of_the_node_alone_takes_the_mirroring_down_and_never_sheds()
    {
        SimulatedLoad load = new SimulatedLoad().Run(Hour, 0.5, others: 1.2);
        Assert.That(load.Path, Is.EqualTo([SampleLow, SliceLow, SampleNormal, SliceNormal]));
        load.Run(2 * Minute, 0.5, others: 0.3);
        Assert.That(load.Path[4..], Is.EqualTo([SampleNormal, SliceLow, SampleLow, Full]));
        load.Run(Hour, 0.5, others: 0.3);
        Assert.That(load.Steps, Is.EqualTo(8));
    }

    [Test]
    public void Pressure_near_its_limit_is_no_reason_to_step_either_way()
    {
        SimulatedLoad load = new SimulatedLoad { Noise = 0 }.Run(Minute, 1.5, others: 1).Run(Hour, 0.1, others: 1);
        Assert.That(load.Path, Is.EqualTo([SampleLow]));
    }

    [Test]
    public void What_no_pod_has_is_no_step()
    {
        var load = new SimulatedLoad { Ladder = GovernorLevels.Ladder([RuleTraffic.All]) };
        load.Run(Minute, 30);
        Assert.That(load.Path, Is.EqualTo([SampleNormal, SliceNormal, Shed]));
        var high = new SimulatedLoad { Ladder = GovernorLevels.Ladder([RuleTraffic.All with { Priority = MirrorPriority.High }]) };
        high.Run(Minute, 30);
        Assert.That(high.Path, Is.EqualTo([Shed]));
        var nobody = new SimulatedLoad { Ladder = GovernorLevels.Ladder([]) };
        nobody.Run(Minute, 30);
        Assert.That(nobody.Path, Is.Empty);
    }

    [Test]
    public void It_comes_back_when_the_pods_have_gone_and_the_load_with_them()
    {
        SimulatedLoad load = new SimulatedLoad().Run(Minute, 30);
        Assert.That(load.Governor.Level, Is.EqualTo(Shed));
        load.Run(2 * Minute, 0);
        Assert.That(load.Governor.Level, Is.EqualTo(Full));
    }

    [Test]
    public void A_brake_that_is_not_known_any_more_holds_nothing_back()
    {
        SimulatedLoad load = new SimulatedLoad().Run(2 * Minute, 0.2, others: 2);
        Assert.That(load.Governor.Level, Is.EqualTo(SliceNormal));
        load.Run(2 * Minute, 0.2);
        Assert.That(load.Governor.Level, Is.EqualTo(Full));
    }
}
