using HostAgent.Accounts;
using HostAgent.Governing;
using HostAgent.Policy;
using HostAgent.Tests.Links;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Governing;

/// <summary>What the governor says of itself, by readings made by hand.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class NodeGovernorTests
{
    private readonly LogLines<NodeGovernor> _log = new();
    private readonly NodeGovernor _governor;
    private NodeReading _reading = new(TimeSpan.Zero, TimeSpan.Zero, LedgerSnapshot.Empty);
    private CpuBudget? _budget = new(500);
    private int _changes;

    public NodeGovernorTests()
    {
        _governor = new NodeGovernor(
            () => _budget, () => [RuleTraffic.All with { Priority = MirrorPriority.Low }], () => LedgerSnapshot.Empty, _log,
            new HandClock());
        _governor.Changed += () => _changes++;
    }

    [Test]
    public void At_full_it_warns_of_nothing_and_logs_nothing()
    {
        Run(60, cores: 0.4);
        Assert.That(_governor.Warnings(), Is.Empty);
        Assert.That(_log.All, Is.Empty);
        Assert.That(_governor.Status.Level, Is.EqualTo(GovernorLevel.Full));
        Assert.That(_governor.Status.CoresUsed, Is.EqualTo(0.4).Within(1e-9));
        Assert.That(_governor.Status.Budget?.ToString(), Is.EqualTo("500m (policy)"));
    }

    [Test]
    public void A_step_is_a_line_a_warning_with_its_mend_and_a_change()
    {
        Run(8, cores: 0.75);
        Assert.That(_changes, Is.EqualTo(1));
        Assert.That(_log.All, Is.EqualTo([(LogLevel.Warning, "Governor steps down from full to sample-low, because the agent uses 750m "
            + "of a CPU budget of 500m (policy): of pods of priority low at most 1/8 of the flows is mirrored")]));
        Assert.That(_governor.Warnings().Single(), Does.StartWith("the governor is at level sample-low since ")
            .And.Contain("because the agent uses 750m").And.Contain("raise its budget"));
        Assert.That((_governor.Status.StepsDown, _governor.Status.StepsUp), Is.EqualTo((1, 0)));
        Run(20, cores: 0.05);
        Assert.That((_governor.Status.Level, _governor.Status.StepsUp, _changes), Is.EqualTo((GovernorLevel.Full, 1, 2)));
        Assert.That(_log.All.Last(), Is.EqualTo((LogLevel.Information, "Governor steps up from sample-low to full, because there is room "
            + "for more: the agent uses 50m of a CPU budget of 500m (policy): the policy's rules hold as they are")));
        Assert.That(_governor.Warnings(), Is.Empty);
    }

    [Test]
    public void Only_the_last_level_limits_the_sending_itself()
    {
        while (_governor.Status.Level != GovernorLevel.SliceLow) Run(1, cores: 2);
        Assert.That(_governor.Status.Restraint, Is.EqualTo(new Restraint(GovernorLevel.SliceLow)));
        Run(10, cores: 2);
        Assert.That(_governor.Status.Restraint, Is.EqualTo(new Restraint(GovernorLevel.Shed, 0.4)));
    }

    [Test]
    public void Without_budget_and_quota_no_use_is_too_much()
    {
        _budget = null;
        Run(60, cores: 8);
        Assert.That((_governor.Status.Level, _governor.Status.Budget), Is.EqualTo((GovernorLevel.Full, (BudgetInForce?)null)));
    }

    private void Run(int seconds, double cores)
    {
        for (int i = 0; i < seconds; i++)
        {
            NodeReading before = _reading;
            _reading = before with { At = before.At + TimeSpan.FromSeconds(1), Cpu = before.Cpu + TimeSpan.FromSeconds(cores) };
            _governor.Look(before, _reading);
        }
    }
}
