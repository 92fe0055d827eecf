using HostAgent.Accounts;
using HostAgent.Filters;
using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>
/// A captured link: whose it is and under which VNI its frames leave. Immutable; a link that is given to another pod gets a new one.
/// </summary>
/// <param name="Index">The ifindex.</param>
/// <param name="Pod">The pod it belongs to.</param>
/// <param name="Vni">The VXLAN network identifier, 0 to 2^24-1.</param>
/// <param name="Bridge">The ifindex of the bridge that it is a port of; 0 for none.</param>
/// <param name="Since">Nanoseconds of Unix time at which the ifindex became this pod's.</param>
/// <param name="Shards">Each shard's counts; shared with the records that replace this one for the same link and pod.</param>
internal sealed record MirroredLink(int Index, MirroredPod Pod, uint Vni, int Bridge, long Since, LinkCounters[] Shards)
{
    /// <summary>Its name when it was found.</summary>
    public string Name { get; init; } = "";

    /// <summary>The frames that are wanted; null for all.</summary>
    public FrameFilter? Filter { get; init; }

    /// <summary>The frames that are wanted whatever the sample holds; null for none.</summary>
    public FrameFilter? Always { get; init; }

    /// <summary>The flows that are wanted.</summary>
    public FlowSample Sample { get; init; } = new(SampleShare.Whole);

    /// <summary>The first bytes of each flow that are wanted, both directions together; 0 for whole flows.</summary>
    public long Slice { get; init; }

    /// <summary>What its pod's rate leaves, shared with the pod's other links; null without a rate.</summary>
    public TokenBucket? Bucket { get; init; }

    /// <summary>Whether flows are counted at all.</summary>
    public bool LimitsFlows => Slice > 0 || Bucket is not null;

    /// <summary>Tells its flows from other links', and from those of the ifindex's former owner.</summary>
    public ulong FlowKey { get; } = KeyedHash.Mix((ulong)Index, (ulong)Since);

    // A ring never holds frames for longer; beyond it, a clock that was set back is the likelier explanation.
    private const long Recently = 10_000_000_000;

    /// <summary>What was captured in each direction so far.</summary>
    public DirectionCounts Directions => new(Shards.Sum(s => s.AnsweredFromPod), Shards.Sum(s => s.ToPod));

    /// <summary>
    /// True for a frame captured when the ifindex was still another pod's, which may lie in the ring when it is given to this one.
    /// </summary>
    public bool IsBefore(long timestamp) => timestamp < Since && Since - timestamp < Recently;
}
