using System.Globalization;

namespace HostAgent.Bench.Measuring;

/// <summary>/proc/PID/status (proc_pid_status(5)).</summary>
internal static class ProcessStatus
{
    /// <param name="pid">The process.</param>
    /// <param name="field">One that is a size: VmRSS now, VmHWM at most.</param>
    /// <returns>KiB.</returns>
    public static long KiB(int pid, string field) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith(field + ":", StringComparison.Ordinal))
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
