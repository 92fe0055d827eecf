using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace HostAgent.Bench.Micro;

/// <summary>Runs the microbenchmarks, shortly and in this process, and compares what they allocate with what is expected.</summary>
internal static class MicroBenchmarks
{
    /// <param name="filter">Which ones, such as *Send*.</param>
    /// <returns>0; 1 when one failed or allocated more than expected.</returns>
    public static int Run(string filter)
    {
        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.DontLogOutput))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddColumn(new BytesPerCycle())
            .AddLogger(NullLogger.Instance)
            .WithOption(ConfigOptions.DisableLogFile, true);
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(MicroBenchmarks).Assembly).Run(["--filter", filter], config)];
        return summaries.Length > 0 && summaries.All(summary => Passes(summary, config)) ? 0 : 1;
    }

    /// <summary>
    /// Allocations are counted for the whole process. What fails once is run again: only an allocation of the benchmark's own is there each
    /// time.
    /// </summary>
    private static bool Passes(Summary summary, IConfig config)
    {
        MarkdownExporter.GitHub.ExportToLog(summary, ConsoleLogger.Default);
        if (AllocationCheck.Report(summary, Console.Out)) return true;
        if (summary.BenchmarksCases is not [var first, ..]) return false;
        Console.WriteLine("once more:");
        return AllocationCheck.Report(BenchmarkRunner.Run(first.Descriptor.Type, config), Console.Out);
    }
}
