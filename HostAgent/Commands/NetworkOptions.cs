namespace HostAgent.Commands;

/// <summary>How metrics are served on addresses that are not loopback.</summary>
/// <param name="Insecure">In plain HTTP, to everybody.</param>
/// <param name="Certificate">The file of the certificate; null for one of the agent's own making, or where it is insecure.</param>
/// <param name="Key">The file of its key; null without a certificate.</param>
public sealed record NetworkOptions(bool Insecure, string? Certificate, string? Key);
