using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>time.h: clocks.</summary>
internal static unsafe partial class Time
{
    public const int CLOCK_REALTIME = 0;

    /// <summary>
    /// clock_getcpuclockid(3): the clock of the CPU time that a process has used, in nanoseconds, with all threads it ever had. 0, or an
    /// errno.
    /// </summary>
    [LibraryImport("libc")]
    public static partial int clock_getcpuclockid(int pid, int* clock);

    /// <summary>clock_gettime(2). 0, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int clock_gettime(int clock, timespec* time);

    /// <summary>nanosleep(2). 0, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int nanosleep(timespec* duration, timespec* left);

    [StructLayout(LayoutKind.Sequential)]
    public struct timespec
    {
        public nint tv_sec;
        public nint tv_nsec;

        public readonly long Nanoseconds => (tv_sec * 1_000_000_000L) + tv_nsec;
    }
}
