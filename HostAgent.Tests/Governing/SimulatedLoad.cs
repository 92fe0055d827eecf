using System.Collections.Immutable;
using HostAgent.Governing;
using HostAgent.Policy;

namespace HostAgent.Tests.Governing;

/// <summary>A governor in virtual time, and a load that costs so much at each level; no clock, no files.</summary>
internal sealed class SimulatedLoad
{
    /// <summary>What a level leaves of the cost, where pods of low and of normal priority cost the same.</summary>
    private static readonly double[] Left = [1, 0.6, 0.55, 0.15, 0.1, 0.05];

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // Always the same noise.
    private readonly Random _random = new(16);
    private TimeSpan _now = TimeSpan.FromDays(3);

    public Governor Governor { get; } = new();

    public ImmutableArray<GovernorLevel> Ladder { get; init; } = GovernorLevels.Ladder(
        [RuleTraffic.All, RuleTraffic.All with { Priority = MirrorPriority.Low }]);

    /// <summary>What it costs whatever the level.</summary>
    public double Base { get; init; } = 0.02;

    /// <summary>How much the measured cost differs from the load's, at most, up or down.</summary>
    public double Noise { get; init; } = 0.1;

    public long Steps => Governor.StepsDown + Governor.StepsUp;

    /// <summary>The levels that were passed through, in their order.</summary>
    public List<GovernorLevel> Path { get; } = [];

    /// <summary>Lets time pass under a load.</summary>
    /// <param name="time">How long.</param>
    /// <param name="load">What the load costs in full, in parts of the budget, by the seconds since the call.</param>
    /// <param name="others">How hard the node's other tasks press it, in parts of the limit; null without PSI.</param>
    public SimulatedLoad Run(TimeSpan time, Func<double, double> load, double? others = null)
    {
        for (TimeSpan end = _now + time, start = _now; _now < end;)
        {
            _now += Second;
            double full = load((_now - start).TotalSeconds), left = full * Left[(int)Governor.Level];
            double noise = 1 + (Noise * ((_random.NextDouble() * 2) - 1));
            var strains = new List<Strain> { new(Brake.Cpu, (Base + left) * noise, "cpu") };
            if (others is { } pressure) strains.Add(new(Brake.NodePressure, pressure * noise, "psi"));
            if (Governor.Observe(strains, (full - left) * 10_000, Ladder, _now)) Path.Add(Governor.Level);
        }

        return this;
    }

    public SimulatedLoad Run(TimeSpan time, double load, double? others = null) => Run(time, _ => load, others);
}
