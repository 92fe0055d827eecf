namespace HostAgent.E2E.Running;

/// <summary>What became of a test.</summary>
/// <param name="Where">The cluster: the name of its CNI, for instance.</param>
/// <param name="Seconds">How long it took; what it needs, for one that was left out.</param>
internal sealed record Outcome(string Where, string Test, string Result, string Seconds)
{
    public const string Passed = "passed";
    public const string Failed = "FAILED";
    public const string LeftOut = "left out";
}
