namespace HostAgent.Bench.Systems;

/// <summary>Frames that crossed a pod's link, as the kernel handles them: a super-frame is one.</summary>
internal readonly record struct LinkCounters(long FromPod, long ToPod)
{
    public long Frames => FromPod + ToPod;

    public static LinkCounters operator -(LinkCounters a, LinkCounters b) => new(a.FromPod - b.FromPod, a.ToPod - b.ToPod);

    public static LinkCounters Subtract(LinkCounters left, LinkCounters right) => left - right;
}
