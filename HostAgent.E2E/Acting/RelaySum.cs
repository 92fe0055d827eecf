namespace HostAgent.E2E.Acting;

/// <summary>A relay's account of one agent: of the records that the agent has written, each is received or missing.</summary>
internal sealed record RelaySum(long Written, long Received, long Missing, int Connections);
