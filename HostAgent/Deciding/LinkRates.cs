using System.Diagnostics;
using HostAgent.Interop;

namespace HostAgent.Deciding;

/// <summary>What passed on the host's links while they were watched, by the kernel's own counters (rtnl_link_stats64).</summary>
/// <param name="before">By name, at the beginning.</param>
/// <param name="after">By name, at the end.</param>
/// <param name="interval">The time between the two.</param>
internal sealed class LinkRates(
    IReadOnlyDictionary<string, LinkTraffic> before, IReadOnlyDictionary<string, LinkTraffic> after, TimeSpan interval)
{
    public TimeSpan Interval => interval;

    /// <summary>Watches for about so long. To be called on a thread of the host's network namespace.</summary>
    public static async Task<LinkRates> WatchAsync(TimeSpan time, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        Dictionary<string, LinkTraffic> before = ProcNet.Traffic();
        await Task.Delay(time, cancellation).ConfigureAwait(false);
        Dictionary<string, LinkTraffic> after = ProcNet.Traffic();
        return new LinkRates(before, after, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Nothing for a link that was not there all the time.</summary>
    public TrafficRate Of(string link)
    {
        if (!before.TryGetValue(link, out LinkTraffic first) || !after.TryGetValue(link, out LinkTraffic last)) return default;
        // A link that was made anew under its name counts from 0.
        return new TrafficRate(
            Math.Max(0, last.Frames - first.Frames) / interval.TotalSeconds,
            Math.Max(0, last.Bytes - first.Bytes) * 8 / interval.TotalSeconds);
    }
}
