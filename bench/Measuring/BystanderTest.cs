using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Traffic that is not mirrored, beside a mirror: the cost of looking at each frame to know that it is not wanted.</summary>
/// <param name="name">As on the command line.</param>
/// <param name="description">In a few words.</param>
/// <param name="path">Where it runs.</param>
internal sealed class BystanderTest(string name, string description, LoadPath path) : Test(name, description)
{
    private const double Rate = 100_000;

    public override string Unit => "k/s";

    public override string? CostUnit => "ns/frame";

    // Of a sensor on the host network the node's own frames are a part of what it looks at.
    public override bool AppliesTo(Stage stage) => stage.SensorKind == Sensors.SensorKind.Sniff;

    public override async Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation)
    {
        Sample sample = await stage.MeasureAsync(
            Name, () => stage.LoadAsync(path, LoadKind.SmallUdp, Rate, seconds, cancellation), verify: false, cancellation);
        return sample with
        {
            Units = sample.Load.Sent,
            Frames = sample.Load.Sent,
            Production = sample.Load.Received / sample.Load.Seconds / 1e3,
        };
    }
}
