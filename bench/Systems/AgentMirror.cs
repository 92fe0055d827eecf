using System.Diagnostics;
using System.Net;
using HostAgent.Bench.Sensors;
using HostAgent.Lab;

namespace HostAgent.Bench.Systems;

/// <summary>The agent, as a process of its own in the node's namespace.</summary>
/// <param name="kind">Of the system; its name, too, unless segments are another matter.</param>
/// <param name="program">The executable.</param>
/// <param name="folder">Where its policy and cluster file are put.</param>
/// <param name="inScope">False for an agent on a node where none of the pods is in scope.</param>
/// <param name="segments">What the policy says as sensor.segments.</param>
internal sealed class AgentMirror(string kind, string program, string folder, bool inScope, string segments = AgentMirror.Wire)
    : MirrorSystem
{
    /// <summary>The default of sensor.segments.</summary>
    public const string Wire = "wire";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndingLimit = TimeSpan.FromSeconds(5);
    private static readonly IPEndPoint Listen = new(IPAddress.Loopback, 9460);

    public override string Kind => kind;

    public override string Name => segments == Wire ? kind : $"{kind}-{segments}";

    public override bool Mirrors => inScope;

    public override async Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation)
    {
        var files = new AgentFiles(folder, network, sensor, inScope, segments);
        // The settings are those of the image (Dockerfile).
        var process = ChildProcess.Start(network.Node,
            "env", "DOTNET_GCgen0size=200000", "DOTNET_GCConserveMemory=5", "MALLOC_ARENA_MAX=2",
            program, "run", "--policy", files.Policy, "--cluster-file", files.Cluster,
            "--node-name", AgentFiles.NodeName, "--listen", Listen.ToString());
        var running = new Running(process, new AgentClient(network.Node, Listen));
        try
        {
            await running.ReadyAsync(inScope ? 1 + network.IdlePods.Count : 0, cancellation);
            return running;
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    private sealed class Running(ChildProcess process, AgentClient client) : RunningSystem
    {
        public override int? ProcessId => process.Id;

        public override async Task<AgentReading?> ReadAsync(CancellationToken cancellation)
        {
            try
            {
                return await client.ReadAsync(cancellation);
            }
            catch (HttpRequestException e)
            {
                throw new InvalidOperationException($"the agent does not answer: {e.Message}\n{process.Unread}\n{process.Errors}", e);
            }
        }

        public async Task ReadyAsync(int pods, CancellationToken cancellation)
        {
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                try
                {
                    AgentReading reading = await client.ReadAsync(cancellation);
                    if (reading.Status.Sensor.State == "ready" && reading.Captured.Count() == pods) return;
                    if (Stopwatch.GetElapsedTime(start) > StartLimit)
                    {
                        throw new InvalidOperationException(
                            $"sensor {reading.Status.Sensor.State}, {reading.Captured.Count()} of {pods} pods captured\n{process.Unread}");
                    }
                }
                catch (HttpRequestException e)
                {
                    if (process.HasExited || Stopwatch.GetElapsedTime(start) > StartLimit)
                    {
                        throw new InvalidOperationException(
                            $"the agent does not start: {e.Message}\n{process.Unread}\n{process.Errors}", e);
                    }
                }

                await Task.Delay(100, cancellation);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            client.Dispose();
            process.Terminate();
            await process.WaitAsync(EndingLimit);
            await process.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
