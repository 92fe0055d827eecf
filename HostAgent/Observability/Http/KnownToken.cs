using System.Collections.Concurrent;
using HostAgent.Cluster;

namespace HostAgent.Observability;

/// <summary>A token that the API server has accepted, and for as long what it has said of its owner's rights.</summary>
/// <param name="Owner">Whose it is.</param>
/// <param name="Asked">When, as a timestamp of the clock.</param>
internal sealed record KnownToken(TokenOwner Owner, long Asked)
{
    /// <summary>By path. There are no more than the endpoint has routes.</summary>
    public ConcurrentDictionary<string, bool> Permits { get; } = new(StringComparer.Ordinal);
}
