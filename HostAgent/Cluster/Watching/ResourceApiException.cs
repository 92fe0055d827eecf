namespace HostAgent.Cluster;

/// <summary>A list or watch failed in a way that has a name.</summary>
public sealed class ResourceApiException(RestartReason reason, string message, TimeSpan? retryAfter = null, Exception? inner = null)
    : Exception(message, inner)
{
    public RestartReason Reason { get; } = reason;

    /// <summary>How long the server asks to be left alone; null when it did not say.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
