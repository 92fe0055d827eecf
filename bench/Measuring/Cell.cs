namespace HostAgent.Bench.Measuring;

/// <summary>All samples of one test with one system and one sensor.</summary>
/// <param name="samples">At least one.</param>
/// <param name="unmirrored">Those of the same test and sensor without a mirror.</param>
internal sealed class Cell(IReadOnlyList<Sample> samples, IReadOnlyList<Sample> unmirrored)
{
    public double Production => Median(samples.Select(s => s.Production));

    public double? Delivered => samples[0].Delivered is null ? null : Median(samples.Select(s => s.Delivered!.Value));

    /// <summary>CPU seconds a unit beyond the same traffic without a mirror in the same repetition; null without such a sample.</summary>
    public double? Cost => Costs.Length > 0 ? Median(Costs) : null;

    /// <summary>CPU seconds a unit in all.</summary>
    public double Total => Median(samples.Select(s => s.Cpu.Total / s.Units));

    public double Mirror => Median(samples.Select(s => s.Cpu.Mirror / s.Units));

    public double Sensor => Median(samples.Select(s => s.Cpu.Sensor / s.Units));

    public double? Resident => samples[0].ResidentMegabytes is null ? null : Median(samples.Select(s => s.ResidentMegabytes!.Value));

    public double Others => Median(samples.Select(s => s.Cpu.Others));

    /// <summary>Half of the distance between the highest and the lowest cost, as a part of the median.</summary>
    public double? Spread => Costs.Length > 1 ? (Costs.Max() - Costs.Min()) / 2 / Math.Abs(Median(Costs)) : null;

    public double? P50 => MedianOf(s => s.Received.P50);

    public double? P99 => MedianOf(s => s.Received.P99);

    /// <summary>Agent CPU as a part of one core.</summary>
    public double MirrorShare => Median(samples.Select(s => s.Cpu.Mirror / s.Cpu.Wall));

    private double[] Costs { get; } =
    [
        .. from sample in samples
           join none in unmirrored on sample.Repetition equals none.Repetition
           where sample.System != none.System
           select (sample.Cpu.Total - (none.Cpu.Total / none.Units * sample.Units)) / sample.Units,
    ];

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private double? MedianOf(Func<Sample, double?> value)
    {
        double[] known = [.. samples.Select(value).OfType<double>()];
        return known.Length > 0 ? Median(known) : null;
    }
}
