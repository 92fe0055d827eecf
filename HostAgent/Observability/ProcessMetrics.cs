using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace HostAgent.Observability;

/// <summary>What Prometheus client libraries say about their process, under the names that dashboards expect.</summary>
internal static class ProcessMetrics
{
    public static void AddTo(Meter meter)
    {
        using var self = Process.GetCurrentProcess();
        double started = new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000.0;
        meter.CreateObservableCounter("process_cpu_seconds_total",
            () => Environment.CpuUsage.TotalTime.TotalSeconds, description: "User and system CPU time of the agent in seconds.");
        meter.CreateObservableGauge("process_resident_memory_bytes",
            () => Environment.WorkingSet, description: "Resident memory of the agent in bytes, the capture ring included.");
        // Counting opens one more.
        meter.CreateObservableGauge("process_open_fds", () => Directory.EnumerateFileSystemEntries("/proc/self/fd").LongCount() - 1, description: "Open file descriptors of the agent.");
        meter.CreateObservableGauge("process_start_time_seconds", () => started, description: "Unix time at which the agent started.");
    }
}
