using HostAgent.Accounts;

namespace HostAgent.Governing;

/// <summary>What happened between two readings, and how hard it presses each brake.</summary>
/// <param name="before">The earlier one.</param>
/// <param name="now">The later one.</param>
internal sealed class Interval(NodeReading before, NodeReading now)
{
    /// <summary>
    /// Some task waits for a CPU for so much of the time. Tasks that are stopped at their own limit count as waiting, too.
    /// </summary>
    public const double PressureLimit = 0.8;

    /// <summary>So much of the packets, or of the frames, may be dropped.</summary>
    public const double DropLimit = 0.001;

    /// <summary>So much of the periods may end at the quota.</summary>
    public const double ThrottledLimit = 0.5;

    /// <summary>Below so much CPU the node's distress is not of the agent's making, nor would its restraint ease it. In cores.</summary>
    public const double AtWork = 0.2;

    /// <summary>The same, as a part of the node's CPUs, where it is tasks that wait.</summary>
    public const double AtWorkOfNode = 0.05;

    // Of fewer a second, a thousandth is a handful.
    private const double FewestPerSecond = 10_000;

    private readonly double _seconds = Math.Max(0.001, (now.At - before.At).TotalSeconds);

    /// <summary>How much CPU the agent used, in cores.</summary>
    public double Cores => (now.Cpu - before.Cpu).TotalSeconds / _seconds;

    /// <summary>Frames a second that were captured and not sent because of rules, level or shedding.</summary>
    public double HeldBack => (Lost(LossReason.Sample) + Lost(LossReason.Slice) + Lost(LossReason.Overload)) / _seconds;

    /// <summary>The brakes that there are.</summary>
    /// <param name="budget">Null without one.</param>
    public IReadOnlyCollection<Strain> Strains(BudgetInForce? budget)
    {
        var strains = new List<Strain> { RingLosses() };
        if (budget is { } given)
        {
            strains.Add(new(Brake.Cpu, Cores / given.Budget.Cores, $"the agent uses {Milli(Cores)} of a CPU budget of {given}"));
        }

        if (now.Periods.All > 0) strains.Add(Throttled());
        if (now.Pressure is { } waited && before.Pressure is { } hadWaited) strains.Add(Pressure((waited - hadWaited).TotalSeconds));
        if (now.Softnet is { } softnet && before.Softnet is { } had)
            strains.Add(Softnet(unchecked(softnet.Processed - had.Processed), unchecked(softnet.Dropped - had.Dropped)));
        return strains;
    }

    private Strain Throttled()
    {
        long all = now.Periods.All - before.Periods.All, stopped = now.Periods.Throttled - before.Periods.Throttled;
        double part = all > 0 ? (double)stopped / all : 0;
        return new(Brake.Throttled, part / ThrottledLimit,
            $"the kernel stops the agent at its cgroup's quota in {part:P0} of the periods (limit {ThrottledLimit:P0})");
    }

    private Strain Pressure(double waited)
    {
        double part = waited / _seconds;
        double least = Math.Max(AtWork, AtWorkOfNode * (now.Softnet?.Cpus ?? 1));
        return new(Brake.NodePressure, Shared(part / PressureLimit, least),
            $"tasks of the node wait for a CPU {part:P0} of the time (PSI; limit {PressureLimit:P0}), and the agent uses {Milli(Cores)}");
    }

    private Strain Softnet(uint processed, uint dropped)
    {
        double part = dropped / Math.Max(processed, FewestPerSecond * _seconds);
        return new(Brake.SoftnetDrops, Shared(part / DropLimit, AtWork),
            $"the node's CPUs drop {part:P2} of all received packets (softnet; limit {DropLimit:P2}), and the agent uses {Milli(Cores)}");
    }

    private Strain RingLosses()
    {
        // No restraint helps against what the kernel cannot hand over.
        double lost = Lost(LossReason.KernelRing) - (now.Ledger.UnknownOffload - before.Ledger.UnknownOffload);
        double part = lost / Math.Max(now.Ledger.Seen - before.Ledger.Seen, FewestPerSecond * _seconds);
        return new(Brake.RingLosses, part / DropLimit, $"the capture ring loses {part:P2} of the frames (limit {DropLimit:P2})");
    }

    // At its limit, not above: neither is it the agent's part to step down, nor the time to step up.
    private double Shared(double ratio, double least) => Cores < least ? Math.Min(1, ratio) : ratio;

    private long Lost(LossReason reason) => now.Ledger.Lost(reason) - before.Ledger.Lost(reason);

    private static string Milli(double cores) => $"{cores * 1000:F0}m";
}
