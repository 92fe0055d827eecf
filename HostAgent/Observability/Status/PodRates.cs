using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace HostAgent.Observability;

/// <summary>How fast pods' frames came between two readings.</summary>
/// <param name="before">The earlier reading.</param>
/// <param name="now">The later one.</param>
/// <param name="seconds">How far apart they are.</param>
internal sealed class PodRates(AgentReading before, AgentReading now, double seconds)
{
    /// <summary>Frames a second and Mbit/s of a pod, for people. 0 for a pod whose counters began again meanwhile.</summary>
    public (string Frames, string Megabits) Of(StatusDocument.PodPart pod)
    {
        PodCounts last = now.Of(pod), first = before.Of(pod);
        return (Rate(last.Frames - first.Frames).ToString("N0"), (Rate(last.Bytes - first.Bytes) * 8e-6).ToString("N1"));
    }

    /// <summary>Reads again and again; the first reading comes at once, without rates.</summary>
    /// <param name="interval">Between two readings.</param>
    /// <param name="read">Asks the agent.</param>
    /// <param name="cancellation">Ends it, with an exception.</param>
    public static async IAsyncEnumerable<(AgentReading Reading, PodRates? Rates)> FollowAsync(
        TimeSpan interval, Func<CancellationToken, Task<AgentReading>> read, [EnumeratorCancellation] CancellationToken cancellation)
    {
        AgentReading last = await read(cancellation).ConfigureAwait(false);
        long lastTime = Stopwatch.GetTimestamp();
        yield return (last, null);
        using var timer = new PeriodicTimer(interval);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            AgentReading reading = await read(cancellation).ConfigureAwait(false);
            long time = Stopwatch.GetTimestamp();
            yield return (reading, new PodRates(last, reading, Stopwatch.GetElapsedTime(lastTime, time).TotalSeconds));
            (last, lastTime) = (reading, time);
        }
    }

    private double Rate(long change) => Math.Max(change, 0) / seconds;
}
