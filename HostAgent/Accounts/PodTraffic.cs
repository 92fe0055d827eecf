namespace HostAgent.Accounts;

/// <summary>What was captured of one pod since it came into scope.</summary>
/// <param name="Namespace">The pod's namespace.</param>
/// <param name="Pod">The pod's name.</param>
/// <param name="Uid">The pod's uid.</param>
/// <param name="Frames">Frames handed over by the kernel on the pod's links.</param>
/// <param name="Bytes">Their bytes, link-layer header included.</param>
/// <param name="Lost">Those of the frames that did not reach the sensor, by any reason known per link (so without kernel_ring).</param>
public readonly record struct PodTraffic(string Namespace, string Pod, string Uid, long Frames, long Bytes, long Lost)
{
    /// <summary>
    /// About how many frames more the links carried that the filter of the pod's rule kept out in the kernel; null without such a filter.
    /// They are not on the ledger.
    /// </summary>
    public long? RejectedEstimate { get; init; }
}
