using HostAgent.Interop;

namespace HostAgent.Bench.Traffic;

/// <summary>The clock with which the kernel stamps frames, and the sleep that a generator needs: shorter than a millisecond.</summary>
internal static unsafe class RealTime
{
    /// <summary>Nanoseconds of Unix time.</summary>
    public static long Now
    {
        get
        {
            Time.timespec now;
            _ = Time.clock_gettime(Time.CLOCK_REALTIME, &now);
            return now.Nanoseconds;
        }
    }

    public static void Sleep(int microseconds)
    {
        var duration = new Time.timespec { tv_nsec = microseconds * 1000 };
        _ = Time.nanosleep(&duration, null);
    }
}
