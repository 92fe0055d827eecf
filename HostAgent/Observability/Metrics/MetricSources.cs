using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Governing;

namespace HostAgent.Observability;

/// <summary>Where the metrics come from. Each is called once per scrape and must be cheap and safe on any thread.</summary>
public sealed record MetricSources
{
    public required Func<LedgerSnapshot> Ledger { get; init; }

    public required Func<AgentStatus> Status { get; init; }

    /// <summary>The pods in scope now; a pod that is not given any more has no series any more.</summary>
    public required Func<IReadOnlyCollection<PodTraffic>> Pods { get; init; }

    /// <summary>Seconds from a frame's arrival in the ring to its acceptance by the kernel for sending.</summary>
    public required Func<HistogramSnapshot> FrameAge { get; init; }

    /// <summary>Datagrams that the host's end of a sensor's link dropped.</summary>
    public Func<long> DroppedAtSensorLink { get; init; } = () => 0;

    /// <summary>Datagrams for which a sensor's socket had no room, where that can be known.</summary>
    public Func<long> DroppedAtSensorSocket { get; init; } = () => 0;

    /// <summary>Frames of the agent's own that sensors were sent.</summary>
    public Func<long> CanariesSent { get; init; } = () => 0;

    /// <summary>Captured pods that the sensor misses, whole or in part.</summary>
    public Func<int> SilentPods { get; init; } = () => 0;

    /// <summary>False while the policy file on disk is not the one in force, because it is wrong or cannot be read.</summary>
    public required Func<bool> PolicyReloadSuccessful { get; init; }

    /// <summary>As of this moment, while the status has it as of the last round of matching.</summary>
    public Func<GovernorStatus> Governor { get; init; } = () => new GovernorStatus(Budget: null);

    /// <summary>One per watched resource; none when pods come from a file.</summary>
    public Func<IReadOnlyCollection<WatchCounters>> Watches { get; init; } = () => [];

    /// <summary>What certificates are used for, and when the one in use ends; null while there is none.</summary>
    public Func<IReadOnlyCollection<(string Use, DateTimeOffset? Ends)>> Certificates { get; init; } = () => [];

    /// <summary>How often a pod has begun or ceased to be captured, or has been captured otherwise.</summary>
    public Func<ScopeChange, long> ScopeChanges { get; init; } = _ => 0;
}
