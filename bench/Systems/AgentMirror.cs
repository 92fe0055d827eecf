using HostAgent.Bench.Sensors;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Bench.Systems;

/// <summary>The agent, as a process of its own in the node's namespace.</summary>
/// <param name="kind">Of the system; its name, too, unless segments are another matter.</param>
/// <param name="program">The executable.</param>
/// <param name="folder">Where its policy and cluster file are put, and the <see cref="StreamFiles"/> are.</param>
/// <param name="inScope">False for an agent on a node where none of the pods is in scope.</param>
/// <param name="segments">What the policy says as sensor.segments.</param>
/// <param name="slice">What it says as slice; nothing for whole flows.</param>
internal sealed class AgentMirror(
    string kind, string program, string folder, bool inScope, string segments = AgentMirror.Wire, string slice = "") : MirrorSystem
{
    /// <summary>The default of sensor.segments.</summary>
    public const string Wire = "wire";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    public override string Kind => kind;

    public override string Name => kind + (segments == Wire ? "" : $"-{segments}") + (slice.Length == 0 ? "" : $"-{slice}");

    public override bool Mirrors => inScope;

    public override async Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation)
    {
        var files = new AgentFiles(folder, "bench");
        // A build that does not know the word is given none.
        string cut = segments == Wire ? "" : $", segments: {segments}";
        // With this a stream is encrypted wherever the sensor is.
        string encrypted = sensor == SensorKind.StreamTls ? $", offHost: {new StreamFiles(folder).OffHost}" : "";
        files.WritePolicy(
            $"{{address: {network.SensorAddress(sensor)}, port: {TunnelCount.Port}, reads: {BenchNetwork.Reads(sensor)}{cut}{encrypted}}}",
            vni: 100, slice.Length == 0 ? "" : $"slice: {slice}");
        files.WriteCluster(network.Pods(inScope));
        // The settings are those of the image (Dockerfile).
        var running = new Running(new AgentProcess(
            network.Node, ["env", "DOTNET_GCgen0size=200000", "DOTNET_GCConserveMemory=5", "MALLOC_ARENA_MAX=2", program], files));
        try
        {
            await running.Agent.ReadyAsync(inScope ? 1 + network.IdlePods.Count : 0, StartLimit, cancellation);
            return running;
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    private sealed class Running(AgentProcess agent) : RunningSystem
    {
        public AgentProcess Agent => agent;

        public override int? ProcessId => agent.Id;

        public override async Task<AgentReading?> ReadAsync(CancellationToken cancellation) => await agent.ReadAsync(cancellation);

        public override async ValueTask DisposeAsync()
        {
            await agent.EndAsync();
            await agent.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
