namespace HostAgent.Accounts;

/// <summary>The answer to a probe.</summary>
/// <param name="Ok">Whether every part is well.</param>
/// <param name="Text">One line per part, <c>[+]</c> or <c>[-]</c> and its name.</param>
public sealed record HealthReport(bool Ok, string Text);
