using System.Diagnostics;

namespace HostAgent.Tests.Observability;

/// <summary>A clock that goes faster than time does, for the first four minutes.</summary>
internal sealed class FastClock(double speed) : TimeProvider
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Of this clock.</summary>
    public double Seconds
    {
        get
        {
            double passed = Stopwatch.GetElapsedTime(_start).TotalSeconds;
            return Math.Min(speed * passed, 240 + passed);
        }
    }

    public override DateTimeOffset GetUtcNow() => Noon.AddSeconds(Seconds);

    public override long GetTimestamp() => (long)(Seconds * TimestampFrequency);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime / speed, period / speed);
}
