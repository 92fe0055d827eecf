namespace HostAgent.Selection;

/// <summary>What one shard knows of one link: its counts by direction, and its load. Only the shard's thread writes.</summary>
/// <param name="link">The ifindex.</param>
internal sealed class LinkCounters(int link)
{
    private long _answeredFromPod;
    private long _toPod;

    /// <summary>TCP segments from the pod that acknowledge something, so whose peer must have sent to the pod.</summary>
    public long AnsweredFromPod => Volatile.Read(ref _answeredFromPod);

    /// <summary>
    /// The same to the pod. Not frames of any kind: the host's answers to ARP come over a link even where nothing else does.
    /// </summary>
    public long ToPod => Volatile.Read(ref _toPod);

    public LinkLoad Load { get; } = new(link);

    /// <summary>The MAC that its last frame came from, as <see cref="FrameParser.MacAt"/> reads it; 0 before the first.</summary>
    public ulong PodMac { get; set; }

    public void SeenAcknowledgement(bool toPod)
    {
        if (toPod) _toPod++;
        else _answeredFromPod++;
    }
}
