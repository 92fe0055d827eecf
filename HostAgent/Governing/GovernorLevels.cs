using System.Collections.Immutable;
using HostAgent.Policy;

namespace HostAgent.Governing;

/// <summary>What the levels are called (stable, since scripts depend on it), and what they leave of a rule's traffic.</summary>
public static class GovernorLevels
{
    /// <summary>What is left of a slice: the beginning of a flow tells who speaks with whom, in which protocol, and of what.</summary>
    public const long Slice = 64 * 1024;

    private static readonly string[] Names = ["full", "sample-low", "slice-low", "sample-normal", "slice-normal", "shed"];

    public static ImmutableArray<GovernorLevel> All { get; } = [.. Enum.GetValues<GovernorLevel>()];

    /// <summary>The largest share of the flows that a sample leaves.</summary>
    public static SampleShare Sample { get; } = new(1, 8);

    public static string Name(this GovernorLevel level) => Names[(int)level];

    /// <summary>What the level means, as the end of a sentence.</summary>
    public static string InWords(this GovernorLevel level) => level switch
    {
        GovernorLevel.Full => "the policy's rules hold as they are",
        GovernorLevel.SampleLow => $"of pods of priority low at most {Sample} of the flows is mirrored",
        GovernorLevel.SliceLow => $"of pods of priority low at most the first {Slice / 1024} KiB of {Sample} of the flows are mirrored",
        GovernorLevel.SampleNormal => $"of pods of priority low and normal at most {Sample} of the flows is mirrored, "
            + $"of those of low the first {Slice / 1024} KiB",
        GovernorLevel.SliceNormal => "of pods of priority low and normal at most "
            + $"the first {Slice / 1024} KiB of {Sample} of the flows are mirrored",
        GovernorLevel.Shed => $"of pods of priority low and normal at most the first {Slice / 1024} KiB of {Sample} of the flows are "
            + "mirrored, and of all pods flows are given up, on the ledger as overload",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, null),
    };

    /// <summary>What is left of a rule's traffic: of what the rule says and what the level says, the stricter.</summary>
    public static RuleTraffic Limit(this GovernorLevel level, RuleTraffic traffic)
    {
        (GovernorLevel sampled, GovernorLevel sliced) = traffic.Priority switch
        {
            MirrorPriority.Low => (GovernorLevel.SampleLow, GovernorLevel.SliceLow),
            MirrorPriority.Normal => (GovernorLevel.SampleNormal, GovernorLevel.SliceNormal),
            _ => (GovernorLevel.Shed + 1, GovernorLevel.Shed + 1),
        };
        RuleTraffic limited = traffic;
        if (level >= sampled && Sample.IsStricterThan(traffic.Sample)) limited = limited with { Sample = Sample };
        if (level >= sliced && (traffic.Slice == 0 || traffic.Slice > Slice)) limited = limited with { Slice = Slice };
        return limited;
    }

    /// <summary>
    /// The levels that make a difference, <see cref="GovernorLevel.Full"/> first and <see cref="GovernorLevel.Shed"/> last: one that takes
    /// of a priority that no pod has, or what the rules do not give anyway, is no step.
    /// </summary>
    /// <param name="inForce">What the rules of the captured pods say. Without any there is nothing to take.</param>
    public static ImmutableArray<GovernorLevel> Ladder(IReadOnlyCollection<RuleTraffic> inForce) => inForce.Count == 0
        ? [GovernorLevel.Full]
        : [.. All.Where(level => level is GovernorLevel.Full or GovernorLevel.Shed
            || inForce.Any(traffic => level.Limit(traffic) != (level - 1).Limit(traffic)))];
}
