namespace HostAgent.Bench.Systems;

/// <summary>Frames that crossed a pod's link, as the kernel handles them: a super-frame is one.</summary>
internal readonly record struct LinkFrames(long FromPod, long ToPod)
{
    public long Frames => FromPod + ToPod;

    public static LinkFrames operator -(LinkFrames a, LinkFrames b) => new(a.FromPod - b.FromPod, a.ToPod - b.ToPod);

    public static LinkFrames Subtract(LinkFrames left, LinkFrames right) => left - right;
}
