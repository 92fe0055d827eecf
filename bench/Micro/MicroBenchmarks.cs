using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
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
        return summaries.Aggregate(0, (code, summary) => Math.Max(code, Report(summary)));
    }

    private static int Report(Summary summary)
    {
        BenchmarkDotNet.Exporters.MarkdownExporter.GitHub.ExportToLog(summary, ConsoleLogger.Default);
        return AllocationCheck.Report(summary, Console.Out) ? 0 : 1;
    }
}
