namespace HostAgent.Interop;

/// <summary>What the kernel counts on a link, from the host's point of view.</summary>
/// <param name="Received">Frames from a pod, when the link is a pod's.</param>
/// <param name="Sent">Frames to it.</param>
/// <param name="SendDrops">Frames that the driver dropped instead of sending them.</param>
internal readonly record struct LinkTraffic(long Received, long Sent, long SendDrops)
{
    /// <summary>Of all frames, in both directions.</summary>
    public long Bytes { get; init; }

    /// <summary>Both directions.</summary>
    public long Frames => Received + Sent;
}
