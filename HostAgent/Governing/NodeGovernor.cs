using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.Governing;

/// <summary>The governor at work: reads the node once a second, steps, and says so. What it decides is carried out by others.</summary>
/// <param name="budget">What the policy in force says.</param>
/// <param name="inForce">What its rules say of the pods that are captured.</param>
/// <param name="ledger">As it is at the moment.</param>
/// <param name="logger">Gets a line for each step.</param>
/// <param name="clock">For the times.</param>
internal sealed class NodeGovernor(
    Func<CpuBudget?> budget, Func<IReadOnlyCollection<RuleTraffic>> inForce, Func<LedgerSnapshot> ledger, ILogger<NodeGovernor> logger,
    TimeProvider? clock = null) : IWarns
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Governor _governor = new();
    private readonly FaultLog _faults = new(logger, "A look at the node's health");
    private volatile GovernorStatus _status = new(Budget: null) { Since = (clock ?? TimeProvider.System).GetUtcNow() };

    /// <summary>The level has changed.</summary>
    public event Action? Changed;

    public GovernorStatus Status => _status;

    public IEnumerable<string> Warnings()
    {
        GovernorStatus now = _status;
        if (now.Level == GovernorLevel.Full) yield break;
        yield return $"the governor is at level {now.Level.Name()} since {now.Since:u}, because {now.Reason}: {now.Level.InWords()}; "
            + "narrow the policy, raise its budget and the CPU limit, or give what must stay whole priority: high";
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var reader = new NodeReader(ledger, _clock);
        NodeReading before = reader.Read();
        using var timer = new PeriodicTimer(Pause, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                try
                {
                    NodeReading now = reader.Read();
                    Look(before, now);
                    before = now;
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    // The level stays what it is; the next look tries again.
                    _faults.Log(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Acts on what happened between two readings.</summary>
    public void Look(NodeReading before, NodeReading now)
    {
        var between = new Interval(before, now);
        BudgetInForce? given = BudgetInForce.Of(budget(), now.Quota);
        ImmutableArray<GovernorLevel> ladder = GovernorLevels.Ladder(inForce());
        GovernorLevel was = _governor.Level;
        bool stepped = _governor.Observe(between.Strains(given), between.HeldBack, ladder, now.At);
        _status = new GovernorStatus(given)
        {
            Level = _governor.Level,
            Reason = _governor.Reason,
            Since = stepped ? _clock.GetUtcNow() : _status.Since,
            CoresUsed = between.Cores,
            StepsDown = _governor.StepsDown,
            StepsUp = _governor.StepsUp,
        };
        if (!stepped) return;
        logger.Log(_governor.Level > was ? LogLevel.Warning : LogLevel.Information,
            "Governor steps {Direction} from {Before} to {Level}, because {Reason}: {Meaning}",
            _governor.Level > was ? "down" : "up", was.Name(), _governor.Level.Name(), _governor.Reason, _governor.Level.InWords());
        Changed?.Invoke();
    }
}
