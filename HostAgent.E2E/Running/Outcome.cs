namespace HostAgent.E2E.Running;

/// <summary>What became of a test.</summary>
/// <param name="Where">The cluster: the name of its CNI, for instance.</param>
/// <param name="Remark">How many seconds it took; for one that was left out, what it needs.</param>
internal sealed record Outcome(string Where, string Test, string Result, string Remark)
{
    public const string Passed = "passed";
    public const string Failed = "FAILED";
    public const string LeftOut = "left out";
}
