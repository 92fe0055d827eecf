using System.Diagnostics;
using System.Globalization;
using HostAgent.Interop;

namespace HostAgent.Bench.Measuring;

/// <summary>
/// Reads the CPU clocks of the processes involved. A process clock counts what a cgroup of that one process would, to the nanosecond, and
/// needs no cgroup file system that can be written. A packet's way through the kernel is charged to the process that sends it, or to
/// ksoftirqd.
/// </summary>
internal sealed unsafe class CpuMeter
{
    private const double TicksPerSecond = 100; // USER_HZ

    private static readonly int[] SoftIrqThreads = [.. FindSoftIrqThreads()];

    private readonly int[] _load;
    private readonly int[] _sensor;
    private readonly int[] _mirror;

    /// <param name="load">Process ids of the pods' programs.</param>
    /// <param name="sensor">Of the sensor.</param>
    /// <param name="mirror">Of the agent; none for other systems.</param>
    public CpuMeter(IEnumerable<int> load, IEnumerable<int> sensor, IEnumerable<int> mirror)
    {
        _load = [.. load.Select(Clock)];
        _sensor = [.. sensor.Select(Clock)];
        _mirror = [.. mirror.Select(Clock)];
    }

    /// <summary>False inside a container that cannot see the kernel's threads: then their part is missing.</summary>
    public static bool SeesSoftIrqs => SoftIrqThreads.Length > 0;

    public CpuUse Read() => new(
        _load.Sum(Seconds), _sensor.Sum(Seconds), _mirror.Sum(Seconds), SoftIrqThreads.Sum(SecondsOfThread), MachineSeconds(),
        Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency);

    private static int Clock(int pid)
    {
        int clock;
        int errno = Time.clock_getcpuclockid(pid, &clock);
        return errno == 0 ? clock : throw new ErrnoException("clock_getcpuclockid", $"process {pid}", errno);
    }

    private static double Seconds(int clock)
    {
        Time.timespec time;
        if (Time.clock_gettime(clock, &time) != 0) throw ErrnoException.Last("clock_gettime", "a process that has ended");
        return time.Nanoseconds / 1e9;
    }

    private static double SecondsOfThread(int pid) =>
        long.Parse(File.ReadAllText($"/proc/{pid}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e9;

    /// <summary>The first line of /proc/stat (proc_stat(5)) without idle, iowait and what other virtual machines took.</summary>
    private static double MachineSeconds()
    {
        long[] ticks =
            [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(long.Parse)];
        return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / TicksPerSecond;
    }

    private static IEnumerable<int> FindSoftIrqThreads()
    {
        foreach (string folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)) continue;
            string name;
            try
            {
                name = File.ReadAllText($"{folder}/comm");
            }
            catch (IOException)
            {
                continue; // It has ended since it was listed.
            }

            if (name.StartsWith("ksoftirqd/", StringComparison.Ordinal)) yield return pid;
        }
    }
}
