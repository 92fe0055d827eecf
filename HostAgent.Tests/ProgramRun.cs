using HostAgent.Lab;

namespace HostAgent.Tests;

/// <summary>The program itself, run to its end.</summary>
/// <param name="Code">The exit code; null when it did not end by itself, and was killed.</param>
/// <param name="Output">The last lines of its stdout.</param>
/// <param name="Errors">The last lines of its stderr: messages and log.</param>
internal sealed record ProgramRun(int? Code, string Output, string Errors)
{
    /// <summary>Far longer than it needs, and shorter than the 30 s for which it once tried a bad file.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>What it says beside its log.</summary>
    public string[] Messages => [.. Errors.Split('\n').Where(line => !line.Contains("Z info: ", StringComparison.Ordinal))];

    public static async Task<ProgramRun> ToItsEndAsync(NetworkNamespace where, params string[] arguments)
    {
        await using ChildProcess process = ChildProcess.Start(where, [.. AgentProgram.Command, .. arguments]);
        int? code = await process.WaitAsync(Patience);
        return new ProgramRun(code, process.Unread, process.Errors);
    }
}
