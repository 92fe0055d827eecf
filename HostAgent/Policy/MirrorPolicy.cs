using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace HostAgent.Policy;

/// <summary>The whole policy file, validated (apiVersion hostagent/v1, kind MirrorPolicy).</summary>
/// <param name="Revision">The first 12 hex digits of the file's SHA-256: which policy is in force.</param>
/// <param name="Sensor">Who receives the frames.</param>
/// <param name="Rules">In the order of the file.</param>
public sealed record MirrorPolicy(string Revision, SensorPolicy Sensor, ImmutableArray<MirrorRule> Rules)
{
    /// <summary>The VNI of rules that name none; null when all do.</summary>
    public uint? Vni { get; init; }

    /// <summary>The VNI of what is no pod's: the policy's own, or its first rule's.</summary>
    public uint OwnVni => Vni ?? Rules[0].Vni;

    /// <summary>The VNI of canaries; null when none are wanted.</summary>
    public uint? CanaryVni => Sensor.Canary ? OwnVni : null;

    /// <summary>How much CPU the agent may use; null leaves it to the quota of its cgroup.</summary>
    public CpuBudget? Budget { get; init; }

    /// <summary>Where to keep whose address is whose; null for nowhere.</summary>
    public PodMapPolicy? PodMap { get; init; }

    /// <summary>The lowest level that the agent logs; the audit lines are logged in any case.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Whom <c>host-agent tap</c> may show.</summary>
    public TapScope Tap { get; init; }
}
