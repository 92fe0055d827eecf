using HostAgent.Accounts;

namespace HostAgent.Governing;

/// <summary>What the governor reads, as counters; two of them tell what happened between.</summary>
/// <param name="At">On a clock that never goes back.</param>
/// <param name="Cpu">CPU time of the agent, user and system.</param>
/// <param name="Ledger">What became of frames.</param>
internal sealed record NodeReading(TimeSpan At, TimeSpan Cpu, LedgerSnapshot Ledger)
{
    /// <summary>The quota of the agent's cgroup, in cores; null without one.</summary>
    public double? Quota { get; init; }

    /// <inheritdoc cref="CpuCgroup.Periods"/>
    public (long All, long Throttled) Periods { get; init; }

    /// <inheritdoc cref="NodePressure.Read"/>
    public TimeSpan? Pressure { get; init; }

    public SoftnetCounts? Softnet { get; init; }
}
