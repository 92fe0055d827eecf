using HostAgent.Bench.Sensors;

namespace HostAgent.Bench.Systems;

/// <summary>The traffic alone: what the others are compared with.</summary>
internal sealed class NoMirror : MirrorSystem
{
    public override string Name => "none";

    public override bool Mirrors => false;

    public override Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation) =>
        Task.FromResult(new RunningSystem());
}
