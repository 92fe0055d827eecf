using System.Collections.Immutable;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Sensors;

namespace HostAgent.Deciding;

/// <summary>What /status, /metrics and <c>check</c> all show: one list, so that they cannot disagree.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="PolicyRevision">Of the policy in force.</param>
/// <param name="Sensor">Who receives.</param>
/// <param name="Pods">Every pod of the node, ordered by namespace and name.</param>
/// <param name="Warnings">What wants an operator's hand, each with the mend in one sentence.</param>
public sealed record AgentStatus(
    string Node, string PolicyRevision, SensorStatus Sensor, ImmutableArray<PodCoverage> Pods, ImmutableArray<string> Warnings)
{
    /// <summary>What is good to know and may stay as it is, each in one sentence.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>By a pod's uid, for pods whose rule has a filter: <see cref="Accounts.PodTraffic.RejectedEstimate"/>.</summary>
    public ImmutableDictionary<string, long> RejectedEstimates { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>What the policy changes, compared with another; null when none was named.</summary>
    public PolicyComparison? Against { get; init; }

    /// <summary>The expression that frames must match; null when all are wanted.</summary>
    public string? Filter { get; init; }

    /// <summary>The VNI of the agent's canaries; null when none are sent.</summary>
    public uint? CanaryVni { get; init; }

    /// <summary>What is left of all that for the sake of the CPU and the node.</summary>
    public GovernorStatus Governor { get; init; } = new(Budget: null);
}
