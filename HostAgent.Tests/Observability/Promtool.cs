using System.Diagnostics;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Observability;

/// <summary>Prometheus' own judge of pages, rules and their tests.</summary>
internal static class Promtool
{
    /// <param name="arguments">Its command line.</param>
    /// <param name="input">What it reads from stdin.</param>
    /// <param name="folder">Where it runs; null for anywhere.</param>
    /// <returns>The exit code, and all that it has to say.</returns>
    public static (int? Code, string Said) Run(string[] arguments, string input = "", string? folder = null)
    {
        Require.Program("promtool", "prometheus");
        ProgramRun run = HostTool.RunToEnd(new ProcessStartInfo("promtool", arguments) { WorkingDirectory = folder ?? "" }, input);
        return (run.Code, run.Output + run.Errors);
    }

    /// <summary>0 and no word for a page that has nothing wrong, not even by convention.</summary>
    public static (int? Code, string Said) CheckMetrics(string page) => Run(["check", "metrics"], page);
}
