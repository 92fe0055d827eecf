using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Traffic of one kind to the mirrored pod.</summary>
/// <param name="name">As on the command line.</param>
/// <param name="description">In a few words.</param>
/// <param name="load">Which traffic.</param>
/// <param name="rate">As in <see cref="LoadOrder"/>; 0 for flat out.</param>
internal sealed class TrafficTest(string name, string description, LoadKind load, double rate) : Test(name, description)
{
    public override string Unit => UnitOf(load);

    public override string? CostUnit => rate == 0 ? null : load == LoadKind.BulkTcp ? "ms/GB" : "ns/frame";

    public override bool Overloads => rate == 0;

    public override async Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation)
    {
        Sample sample = await stage.MeasureAsync(
            Name, () => stage.LoadAsync(LoadPath.ToMirroredPod, load, rate, seconds, cancellation), verify: false, cancellation);
        return Judge(sample, load, stage.Mirrors);
    }

    public static string UnitOf(LoadKind load) => load switch { LoadKind.BulkTcp => "Gbit/s", LoadKind.SmallUdp => "k/s", _ => "k/s" };

    /// <summary>Fills in what depends on the kind of traffic.</summary>
    public static Sample Judge(Sample sample, LoadKind load, bool mirrors)
    {
        // A datagram that the receiving pod's socket dropped has crossed the link; one that was dropped before has not.
        double crossed = load == LoadKind.SmallUdp
            ? sample.Load.Sent == sample.Load.Received ? sample.Load.Sent : Math.Min(sample.Load.Sent, sample.Frames)
            : sample.Load.Bytes;
        double received = load == LoadKind.SmallUdp ? sample.Received.Marked : sample.Received.TcpPayload;
        return sample with
        {
            Production = load switch
            {
                LoadKind.BulkTcp => sample.Load.Bytes * 8 / sample.Load.Seconds / 1e9,
                LoadKind.SmallUdp => sample.Load.Received / sample.Load.Seconds / 1e3,
                _ => sample.Load.Sent / sample.Load.Seconds / 1e3,
            },
            Units = load == LoadKind.BulkTcp ? sample.Load.Bytes / 1e9 : sample.Frames,
            Delivered = mirrors ? received / crossed : null,
        };
    }
}
