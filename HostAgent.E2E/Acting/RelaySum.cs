namespace HostAgent.E2E.Acting;

/// <summary>
/// A relay's account of one agent: of the records that the agent has written since it began, each is received or missing.
/// </summary>
/// <param name="Before">Those that the agent had written before.</param>
internal sealed record RelaySum(long Before, long Written, long Received, long Missing, int Connections);
