using System.Diagnostics;

namespace HostAgent.Lab;

/// <summary>Keeps a sender at its rate: in each round it may send what has become due since the last.</summary>
/// <param name="perSecond">Units (bytes, datagrams, requests) a second.</param>
internal sealed class Pace(double perSecond)
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(2);

    private readonly long _start = Stopwatch.GetTimestamp();
    private double _granted;

    /// <summary>
    /// Waits for the next round. At most a tenth of a second's worth is due at once: what a stalled sender missed stays missed.
    /// </summary>
    /// <returns>The units due, at least 1.</returns>
    public async Task<int> NextAsync(CancellationToken cancellation)
    {
        while (true)
        {
            double due = Stopwatch.GetElapsedTime(_start).TotalSeconds * perSecond - _granted;
            if (due >= 1)
            {
                int now = (int)Math.Max(1, Math.Min(due, perSecond / 10));
                _granted += due > now + 1 ? due : now;
                return now;
            }

            await Task.Delay(Round, cancellation).ConfigureAwait(false);
        }
    }
}
