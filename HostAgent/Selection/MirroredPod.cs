using HostAgent.Accounts;

namespace HostAgent.Selection;

/// <summary>A pod whose frames are tunnelled. It outlives a change of its links or VNI, so that its counters only ever rise.</summary>
internal sealed class MirroredPod(string podNamespace, string name, string uid, int shards)
{
    private readonly PodCounters[] _counters = [.. Enumerable.Range(0, shards).Select(_ => new PodCounters())];

    public string Uid => uid;

    public override string ToString() => $"{podNamespace}/{name}";

    public PodCounters Counters(int shard) => _counters[shard];

    public PodTraffic Traffic() =>
        new(podNamespace, name, uid, _counters.Sum(c => c.Frames), _counters.Sum(c => c.Bytes), _counters.Sum(c => c.Lost));
}
