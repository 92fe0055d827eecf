using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>A pod whose frames are tunnelled. It outlives a change of its links or VNI, so that its counters only ever rise.</summary>
internal sealed class MirroredPod(string podNamespace, string name, string uid, int shards)
{
    private readonly PodCounters[] _counters = [.. Enumerable.Range(0, shards).Select(_ => new PodCounters())];
    private RejectedFrames? _rejected;

    /// <summary>Frames captured on its links.</summary>
    public long Frames => _counters.Sum(c => c.Frames);

    /// <summary>What its rate leaves; null without one.</summary>
    public TokenBucket? Bucket { get; private set; }

    public string Uid => uid;

    public override string ToString() => $"{podNamespace}/{name}";

    public PodCounters Counters(int shard) => _counters[shard];

    /// <summary>What the kernel's filter has kept out; null while the pod's rule has none.</summary>
    public RejectedFrames? Rejected
    {
        get => Volatile.Read(ref _rejected);
        set => Volatile.Write(ref _rejected, value);
    }

    /// <summary>The same rate goes on where it was; another one begins with a full bucket.</summary>
    public void Limit(RateLimit? rate)
    {
        if (rate != Bucket?.Rate) Bucket = rate is { } limit ? new TokenBucket(limit, Frame.Now) : null;
    }

    /// <summary>Frames that were not sent for this reason, be it a loss to the pod or not.</summary>
    public long NotSentAs(LossReason reason) => _counters.Sum(c => c.NotSentAs(reason));

    public PodTraffic Traffic() =>
        new(podNamespace, name, uid, Frames, _counters.Sum(c => c.Bytes), PodLosses.Reasons.Sum(NotSentAs))
        {
            RejectedEstimate = Rejected?.Estimate,
        };
}
