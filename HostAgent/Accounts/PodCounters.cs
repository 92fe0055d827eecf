namespace HostAgent.Accounts;

/// <summary>One shard's counts of one pod. Only the shard's thread writes.</summary>
internal sealed class PodCounters
{
    private readonly long[] _notSent = new long[LossReasonNames.Count];
    private long _frames;
    private long _bytes;

    public long Frames => Volatile.Read(ref _frames);

    public long Bytes => Volatile.Read(ref _bytes);

    public void Seen(int bytes)
    {
        _frames++;
        _bytes += bytes;
    }

    public void NotSent(LossReason reason) => _notSent[(int)reason]++;

    /// <summary>Frames that were not sent for this reason, be it a loss to the pod or not.</summary>
    public long NotSentAs(LossReason reason) => Volatile.Read(ref _notSent[(int)reason]);
}
