using System.Diagnostics;

namespace HostAgent.Bench.Traffic;

/// <summary>
/// Keeps a generator at its rate. Unlike the demo's pace it makes up for what it missed, so that each system is measured with the same
/// amount of traffic, and it blocks its thread.
/// </summary>
/// <param name="perSecond">Units a second; 0 for no limit.</param>
/// <param name="seconds">For how long.</param>
internal sealed class Schedule(double perSecond, double seconds)
{
    private const int NapMicroseconds = 200;

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly long _all = (long)(perSecond * seconds);
    private long _granted;

    public double Elapsed => Stopwatch.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Waits until something is due.</summary>
    /// <param name="most">More is not wanted at once.</param>
    /// <returns>How many units are due; 0 at the end.</returns>
    public int Next(int most)
    {
        if (perSecond <= 0) return Elapsed < seconds ? most : 0;
        while (_granted < _all)
        {
            long due = Math.Min(_all, (long)(Elapsed * perSecond)) - _granted;
            if (due > 0)
            {
                int now = (int)Math.Min(due, most);
                _granted += now;
                return now;
            }

            // Far behind its time, it is not going to make it: the result says how much it was.
            RealTime.Sleep(NapMicroseconds);
        }

        return 0;
    }
}
