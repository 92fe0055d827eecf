using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;

namespace HostAgent.Links;

/// <summary>
/// The host's links, host routes, neighbours, forwarding databases and own addresses at one moment; immutable. The dictionaries are
/// persistent trees: a new snapshot shares all that has not changed with the one before, so that following a notification costs as little
/// with ten thousand entries as with ten.
/// </summary>
public sealed record LinkSnapshot
{
    public static LinkSnapshot Empty { get; } = new();

    /// <summary>Every link, by ifindex.</summary>
    public ImmutableDictionary<int, Link> Links { get; init; } = ImmutableDictionary<int, Link>.Empty;

    /// <summary>The host's own addresses and the ifindexes of the links that have each (the gateway address of ptp is on many).</summary>
    public ImmutableDictionary<IPAddress, ImmutableArray<int>> LocalAddresses { get; init; } =
        ImmutableDictionary<IPAddress, ImmutableArray<int>>.Empty;

    /// <summary>Unicast host routes (/32, /128) of every table.</summary>
    public ImmutableDictionary<IPAddress, ImmutableArray<HostRoute>> HostRoutes { get; init; } =
        ImmutableDictionary<IPAddress, ImmutableArray<HostRoute>>.Empty;

    /// <summary>
    /// The ifindexes of links through which a route leads to other networks, by a gateway or by default. A node that is itself a container
    /// has a veth as its uplink, which by its kind alone looks like a pod's.
    /// </summary>
    public ImmutableHashSet<int> Uplinks { get; init; } = [];

    /// <summary>Usable entries of the neighbour tables.</summary>
    public ImmutableDictionary<IPAddress, ImmutableArray<Neighbour>> Neighbours { get; init; } =
        ImmutableDictionary<IPAddress, ImmutableArray<Neighbour>>.Empty;

    /// <summary>
    /// The bridges' forwarding databases, but only entries whose port can be the end of a pod's link (see <see cref="PodEnd"/>).
    /// </summary>
    public ImmutableDictionary<PhysicalAddress, ImmutableArray<ForwardingEntry>> Forwarding { get; init; } =
        ImmutableDictionary<PhysicalAddress, ImmutableArray<ForwardingEntry>>.Empty;

    /// <summary>The loopback link; null only where there is none to see.</summary>
    public Link? Loopback => Links.Values.FirstOrDefault(link => link.Loopback);

    /// <summary>Whether both hold the same; tables that one took over from the other are not walked.</summary>
    internal bool SameAs(LinkSnapshot other) =>
        (Links == other.Links
            || (Links.Count == other.Links.Count && Links.All(link => other.Links.GetValueOrDefault(link.Key) == link.Value)))
        && LocalAddresses.SameAs(other.LocalAddresses)
        && Uplinks.SetEquals(other.Uplinks)
        && HostRoutes.SameAs(other.HostRoutes)
        && Neighbours.SameAs(other.Neighbours)
        && Forwarding.SameAs(other.Forwarding);

    /// <summary>True when <paramref name="link"/> still exists: the same one, not another that was given its ifindex.</summary>
    public bool Has(Link link) => Links.TryGetValue(link.Index, out Link? now) && now.Generation == link.Generation;
}
