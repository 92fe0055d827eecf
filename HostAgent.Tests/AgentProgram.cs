namespace HostAgent.Tests;

/// <summary>
/// The program that tests start: the one that was built with them, or the published one whose path the variable AGENT holds. The latter is
/// compiled otherwise, so what a test of the first shows need not hold for it.
/// </summary>
internal static class AgentProgram
{
    /// <summary>The program and its first arguments.</summary>
    public static string[] Command { get; } = Environment.GetEnvironmentVariable("AGENT") is { Length: > 0 } published
        ? [Path.GetFullPath(published)]
        : ["dotnet", Path.Combine(AppContext.BaseDirectory, "host-agent.dll")];
}
