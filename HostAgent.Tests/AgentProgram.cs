using HostAgent.Lab;

namespace HostAgent.Tests;

/// <summary>
/// The program that tests start: the one that was built with them, or the published one whose path the variable AGENT holds. The latter is
/// compiled otherwise, so what a test of the first shows need not hold for it.
/// </summary>
internal static class AgentProgram
{
    /// <summary>Far longer than it needs to end, and shorter than the 30 s for which it once tried a bad file.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>The program and its first arguments.</summary>
    public static string[] Command { get; } = Environment.GetEnvironmentVariable("AGENT") is { Length: > 0 } published
        ? [Path.GetFullPath(published)]
        : ["dotnet", Path.Combine(AppContext.BaseDirectory, "host-agent.dll")];

    /// <summary>Runs it to its end.</summary>
    public static Task<ProgramRun> RunAsync(NetworkNamespace where, params string[] arguments) =>
        Task.Run(() => HostTool.RunToEnd(where.StartInfo([.. Command, .. arguments]), patience: Patience));

    /// <summary>What a run said beside its log.</summary>
    public static string[] Messages(this ProgramRun run) =>
        [.. run.Errors.TrimEnd('\n').Split('\n').Where(line => line.Length > 0 && !line.Contains("Z info: ", StringComparison.Ordinal))];
}
