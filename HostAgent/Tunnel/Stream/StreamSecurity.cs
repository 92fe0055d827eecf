namespace HostAgent.Tunnel;

/// <summary>What a stream to another host has more than one on this host.</summary>
/// <param name="Files">What the agent shows, and whom it believes.</param>
/// <param name="ServerName">The name that the receiver's certificate has to bear.</param>
/// <param name="Node">The agent's node, for the receiver's account.</param>
internal sealed record StreamSecurity(TlsFiles Files, string ServerName, string Node);
