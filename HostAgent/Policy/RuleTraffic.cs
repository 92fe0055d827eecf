namespace HostAgent.Policy;

/// <summary>
/// How much of its pods' traffic a rule wants, and when overload takes it. Each key of a rule may stand in <c>defaults</c>.
/// </summary>
/// <param name="Sample">The share of flows that is mirrored.</param>
/// <param name="Priority">What overload takes first.</param>
public sealed record RuleTraffic(SampleShare Sample, MirrorPriority Priority)
{
    /// <summary>What a policy without these keys means.</summary>
    public static RuleTraffic All { get; } = new(SampleShare.Whole, MirrorPriority.Normal);

    /// <summary>The first bytes of each flow that are mirrored, both directions together; 0 for whole flows.</summary>
    public long Slice { get; init; }

    /// <summary>How much of each pod is mirrored at most; null for all.</summary>
    public RateLimit? Rate { get; init; }
}
