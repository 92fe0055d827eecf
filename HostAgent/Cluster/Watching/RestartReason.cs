namespace HostAgent.Cluster;

/// <summary>Why a list or watch had to be started again.</summary>
public enum RestartReason
{
    /// <summary>The stream ended in good order, as the server ends it from time to time.</summary>
    Ended,

    /// <summary>410 Gone, or the file changed: list again.</summary>
    Expired,

    /// <summary>Nothing was heard for longer than the server itself would have kept silent.</summary>
    Timeout,

    /// <summary>401: the credentials are not accepted (any more).</summary>
    Unauthorized,

    /// <summary>403: the permission is missing.</summary>
    Forbidden,

    /// <summary>429: the server asks for patience.</summary>
    Throttled,

    /// <summary>Another status than success.</summary>
    Status,

    /// <summary>What came is not what was asked for.</summary>
    Malformed,

    /// <summary>No connection, or it broke.</summary>
    Connection,

    /// <summary>Anything else.</summary>
    Error,
}
