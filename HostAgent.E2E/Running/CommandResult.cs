namespace HostAgent.E2E.Running;

/// <summary>What became of a command: its exit code, and what it printed.</summary>
internal readonly record struct CommandResult(int Code, string Output, string Error)
{
    private const int ShownLines = 20;

    public bool Succeeded => Code == 0;

    /// <summary>The last lines of its stderr, or of its stdout when it wrote none.</summary>
    public string LastWords =>
        string.Join('\n', (Error.Trim() is { Length: > 0 } error ? error : Output.Trim()).Split('\n').TakeLast(ShownLines));
}
