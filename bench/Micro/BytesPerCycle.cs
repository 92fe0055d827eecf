using System.Diagnostics;
using System.Runtime.CompilerServices;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace HostAgent.Bench.Micro;

/// <summary>A column for benchmarks that work on a number of bytes: how many of them in a cycle of the core.</summary>
internal sealed class BytesPerCycle : IColumn
{
    private const int Iterations = 20_000_000;
    private const int Attempts = 5;

    private static readonly Lazy<double> NanosecondsPerCycle = new(() => Enumerable.Range(0, Attempts).Min(_ => Time()));

    // Without it the compiler would leave the work out.
    private static ulong _result;

    public string Id => nameof(BytesPerCycle);

    public string ColumnName => "Bytes/cycle";

    public string Legend => "bytes per cycle of the core";

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(c => Bytes(c) is not null);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        Bytes(benchmarkCase) is { } bytes && summary[benchmarkCase]?.ResultStatistics is { } time
            ? (bytes / (time.Median / NanosecondsPerCycle.Value)).ToString("N1")
            : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    private static int? Bytes(BenchmarkCase benchmarkCase) => benchmarkCase.Parameters[nameof(ChecksumBenchmark.Bytes)] as int?;

    /// <summary>
    /// A loop whose six operations take one cycle each, since each needs the one before: no clock tells the core's own frequency.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Time()
    {
        long start = Stopwatch.GetTimestamp();
        ulong value = (ulong)start | 1;
        for (int i = 0; i < Iterations; i++)
        {
            value ^= value << 13;
            value ^= value >> 7;
            value ^= value << 17;
        }

        _result = value;
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / (6.0 * Iterations);
    }
}
