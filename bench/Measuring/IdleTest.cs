using HostAgent.Bench.Systems;
using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Many mirrored pods that do nothing, and one to which a probe goes twenty times a second.</summary>
internal sealed class IdleTest() : Test("idle", $"{BenchNetwork.IdlePodCount} idle pods and 20 probe datagrams/s")
{
    public override string Unit => "";

    public override bool NeedsIdlePods => true;

    public override bool AppliesTo(Stage stage) => stage.SystemName == "agent";

    public override async Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation) => TrafficTest.Judge(
        await stage.MeasureAsync(
            Name, () => stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.SmallUdp, 20, Math.Max(10, seconds), cancellation), verify: false, cancellation),
        LoadKind.SmallUdp,
        mirrors: true);
}
