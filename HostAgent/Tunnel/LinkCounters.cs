namespace HostAgent.Tunnel;

/// <summary>One shard's counts of one link, by direction. Only the shard's thread writes.</summary>
internal sealed class LinkCounters
{
    private long _answeredFromPod;
    private long _toPod;

    /// <summary>TCP segments from the pod that acknowledge something, so whose peer must have sent to the pod.</summary>
    public long AnsweredFromPod => Volatile.Read(ref _answeredFromPod);

    /// <summary>The same to the pod. Not frames of any kind: the host's answers to ARP come over a link even where nothing else does.</summary>
    public long ToPod => Volatile.Read(ref _toPod);

    public void SeenAcknowledgement(bool toPod)
    {
        if (toPod) _toPod++;
        else _answeredFromPod++;
    }
}
