using System.Collections.Frozen;
using System.Net;

namespace HostAgent.Links;

/// <summary>The host's links, host routes, neighbours, forwarding databases and own addresses at one moment; immutable.</summary>
public sealed class LinkSnapshot
{
    public static LinkSnapshot Empty { get; } = new();

    /// <summary>Every link, by ifindex.</summary>
    public FrozenDictionary<int, Link> Links { get; init; } = FrozenDictionary<int, Link>.Empty;

    /// <summary>The host's own addresses and the ifindex of the link that has each.</summary>
    public FrozenDictionary<IPAddress, int> LocalAddresses { get; init; } = FrozenDictionary<IPAddress, int>.Empty;

    /// <summary>Host routes (/32, /128) of every table to the ifindex of their output link.</summary>
    public FrozenDictionary<IPAddress, int> HostRoutes { get; init; } = FrozenDictionary<IPAddress, int>.Empty;
}
