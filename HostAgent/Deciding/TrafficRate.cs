namespace HostAgent.Deciding;

/// <summary>How much passes, in both directions.</summary>
/// <param name="FramesPerSecond">As the kernel handles them: a super-frame is one.</param>
/// <param name="BitsPerSecond">Of their bytes without the tunnel's headers.</param>
public readonly record struct TrafficRate(double FramesPerSecond, double BitsPerSecond)
{
    public static TrafficRate operator +(TrafficRate one, TrafficRate other) =>
        new(one.FramesPerSecond + other.FramesPerSecond, one.BitsPerSecond + other.BitsPerSecond);

    public static TrafficRate operator *(TrafficRate rate, double share) => new(rate.FramesPerSecond * share, rate.BitsPerSecond * share);
}
