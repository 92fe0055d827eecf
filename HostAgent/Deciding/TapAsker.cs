using System.Net;

namespace HostAgent.Deciding;

/// <summary>What the agent knows of whoever asks for a tap. The name of a user of <c>kubectl exec</c> only the API server knows.</summary>
/// <param name="Peer">Its end of the connection.</param>
internal sealed record TapAsker(IPEndPoint? Peer)
{
    /// <summary>Its process id; null when it cannot be known, as that of another PID namespace.</summary>
    public int? Process { get; init; }

    /// <summary>The user id that owns the connection; null when it cannot be known.</summary>
    public int? User { get; init; }

    /// <summary>The user id of the login session that the process is of; null when it is of none.</summary>
    public int? Login { get; init; }

    /// <summary>The command line, fit for a log; null when it cannot be known.</summary>
    public string? Command { get; init; }
}
