using System.Diagnostics;
using System.Globalization;
using HostAgent.Bench.Measuring;
using HostAgent.Lab;

namespace HostAgent.Bench.PodMaps;

/// <summary>What an agent pays for the map of a whole cluster: from its start until all addresses are there, and from then on.</summary>
internal static class PodMapCost
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10), Watched = TimeSpan.FromSeconds(30);

    // Of all pods, one in a hundred changes within a minute.
    private const double ChangesPerPod = 1 / 6000.0;

    /// <summary>Writes a table in Markdown.</summary>
    public static async Task RunAsync(string agent, IReadOnlyList<int> sizes, CancellationToken cancellation)
    {
        Console.WriteLine("| pods | addresses | complete after | requests | read | CPU | memory then | memory at most | pods.tsv "
            + "| changes a second | CPU of them |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (int pods in sizes) Console.WriteLine(await MeasureAsync(agent, pods, cancellation));
    }

    private static async Task<string> MeasureAsync(string agent, int pods, CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("host-agent-bench-").FullName;
        try
        {
            await using GeneratedApi api = await GeneratedApi.StartAsync(pods);
            string map = Path.Combine(folder, "pods"), table = Path.Combine(map, "pods.tsv");
            var files = new AgentFiles(folder, "bench") { Kubeconfig = Path.Combine(folder, "kubeconfig") };
            await File.WriteAllTextAsync(files.Kubeconfig, Kubeconfig(api.Url), cancellation);
            files.WritePolicy(
                AgentFiles.PolicyOf("{address: 127.0.0.1, reads: socket}") + $"podMap: {{directory: {map}, scope: cluster}}\n");
            long start = Stopwatch.GetTimestamp();
            // The settings are those of the image (Dockerfile).
            await using ChildProcess running = ChildProcess.Start(new ProcessStartInfo(
                "env", ["DOTNET_GCgen0size=200000", "DOTNET_GCConserveMemory=5", "MALLOC_ARENA_MAX=2",
                agent, "run", .. files.Options, "--listen", "127.0.0.1:19460"]));
            int addresses = pods + GeneratedPod.Services(pods);
            while (Rows(table) < addresses)
            {
                if (running.HasExited || Stopwatch.GetElapsedTime(start) > Patience)
                    throw new InvalidOperationException($"of {addresses} addresses the map has {Rows(table)}\n{running.Errors}");
                await Task.Delay(100, cancellation);
            }

            var meter = new CpuMeter([], [], [running.Id]);
            double complete = Stopwatch.GetElapsedTime(start).TotalSeconds, cpu = meter.Read().Mirror;
            (long requests, long read, long size) = (api.Requests, api.Bytes, new FileInfo(table).Length);
            await Task.Delay(TimeSpan.FromSeconds(5), cancellation);
            (long memory, long most) = (ProcessStatus.KiB(running.Id, "VmRSS"), ProcessStatus.KiB(running.Id, "VmHWM"));

            api.Changes = pods * ChangesPerPod;
            CpuUse before = meter.Read();
            await Task.Delay(Watched, cancellation);
            CpuUse changes = meter.Read() - before;
            return string.Create(CultureInfo.InvariantCulture,
                $"| {pods:N0} | {addresses:N0} | {complete:F1} s | {requests} | {read / 1e6:F1} MB | {cpu:F1} s | {memory / 1024} MiB "
                + $"| {most / 1024} MiB | {size / 1e6:F1} MB | {pods * ChangesPerPod:F1} | {changes.Mirror / changes.Wall * 1000:F0} m |");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Kubeconfig(Uri server) => $$"""
        apiVersion: v1
        kind: Config
        current-context: bench
        contexts:
        - {name: bench, context: {cluster: bench, user: bench} }
        clusters:
        - {name: bench, cluster: {server: "{{server}}" } }
        users:
        - {name: bench, user: {} }
        """;

    private static int Rows(string table) =>
        File.Exists(table) ? File.ReadLines(table).Count(line => !line.StartsWith('#')) : 0;
}
