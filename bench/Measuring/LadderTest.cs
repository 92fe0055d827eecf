using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>Raises the rate until something is lost; the answer is the fastest rate at which nothing was.</summary>
/// <param name="name">As on the command line.</param>
/// <param name="description">In a few words.</param>
/// <param name="load">Which traffic.</param>
/// <param name="rungs">The rates; 0 for flat out.</param>
/// <param name="scale">What they are multiplied with to be those of a <see cref="LoadOrder"/>.</param>
internal sealed class LadderTest(string name, string description, LoadKind load, double[] rungs, double scale) : Test(name, description)
{
    private const double Whole = 0.9999;
    private const double Kept = 0.95;
    private const int Attempts = 2;

    public override string Unit => TrafficTest.UnitOf(load);

    public override bool Overloads => true;

    public override bool AppliesTo(Stage stage) => stage.Mirrors;

    public override async Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation)
    {
        Sample? best = null;
        Sample last;
        int rung = 0;
        do
        {
            last = await ClimbAsync(stage, rungs[rung], Math.Min(2, seconds), cancellation);
            if (last.Delivered >= Whole && (best is null || last.Production > best.Production)) best = last;
        }
        // Slower than asked for: the pods themselves are at their limit.
        while (last.Delivered >= Whole && last.Production > Kept * rungs[rung] && ++rung < rungs.Length);
        return best ?? last with { Production = 0 };
    }

    /// <summary>One rung. Losing something once may be somebody else's fault.</summary>
    private async Task<Sample> ClimbAsync(Stage stage, double rung, double seconds, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            Sample sample = TrafficTest.Judge(
                await stage.MeasureAsync(
                    Name, () => stage.LoadAsync(LoadPath.ToMirroredPod, load, rung * scale, seconds, cancellation),
                    verify: false, cancellation),
                load, mirrors: true);
            if (attempt == Attempts || sample.Delivered >= Whole) return sample;
        }
    }
}
