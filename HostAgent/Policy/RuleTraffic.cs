using HostAgent.Filters;

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

    /// <summary>The frames that are wanted; null for all.</summary>
    public FrameFilter? Filter { get; init; }

    /// <summary>The frames that are exempt from <see cref="Sample"/>, <see cref="Slice"/> and <see cref="Rate"/>; null for none.</summary>
    public FrameFilter? Always { get; init; }

    /// <summary>The first bytes of each flow that are mirrored, both directions together; 0 for whole flows.</summary>
    public long Slice { get; init; }

    /// <summary>How much of each pod is mirrored at most; null for all.</summary>
    public RateLimit? Rate { get; init; }

    /// <summary>Whether anything leaves out frames from which <see cref="Always"/> can exempt some.</summary>
    public bool Thins => !Sample.IsWhole || Slice > 0 || Rate is not null;
}
