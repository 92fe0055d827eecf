using HostAgent.Bench.Systems;
using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Many mirrored pods that do nothing, and one to which a probe goes twenty times a second.</summary>
internal sealed class IdleTest() : Test("idle", $"{BenchNetwork.IdlePodCount} idle pods and 20 probe datagrams/s")
{
    /// <summary>
    /// Seconds. The compiler goes on for a while after the warm-up, and every few seconds the agent looks after its pods.
    /// </summary>
    private const double Settling = 20;

    public override string Unit => "";

    public override bool NeedsIdlePods => true;

    public override bool AppliesTo(Stage stage) => stage.SystemName == "agent";

    public override async Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation)
    {
        await stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.SmallUdp, 20, Settling, cancellation);
        Sample sample = await stage.MeasureAsync(
            Name, () => stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.SmallUdp, 20, Math.Max(10, seconds), cancellation),
            verify: false, cancellation);
        return TrafficTest.Judge(sample, LoadKind.SmallUdp, mirrors: true);
    }
}
