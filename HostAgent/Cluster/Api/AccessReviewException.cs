namespace HostAgent.Cluster;

/// <summary>The API server gave no verdict on who may look; the message says why and how to mend it.</summary>
public sealed class AccessReviewException(string message, Exception? cause = null) : Exception(message, cause);
