using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Slow traffic of all kinds; the sensor checks every checksum, size and repetition.</summary>
internal sealed class VerifyTest() : Test("verify", "slow traffic of all kinds, every frame judged")
{
    public override string Unit => "";

    public override bool AppliesTo(Stage stage) => stage.Mirrors && stage.Repetition == 0;

    public override Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation) => stage.MeasureAsync(
        Name,
        async () =>
        {
            await stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.BulkTcp, 25e6, 1, cancellation);
            await stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.SmallUdp, 5_000, 1, cancellation);
            return await stage.LoadAsync(LoadPath.ToMirroredPod, LoadKind.ShortTcp, 300, 1, cancellation);
        },
        verify: true,
        cancellation);
}
