namespace HostAgent.Cluster;

/// <summary>There is no way to the API server as things are configured; the message names the place and the mend.</summary>
public sealed class ApiCredentialsException(string message, Exception? inner = null) : IOException(message, inner);
