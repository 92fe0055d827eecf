using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using static HostAgent.Interop.LinuxRtnetlink;

namespace HostAgent.Links;

/// <summary>
/// The kernel's tables, kept up to date message by message. Links, addresses, neighbours and forwarding entries have a key each and every
/// change of theirs is announced, so a notification is applied as it is. Routes are read again instead: the kernel drops those of a link
/// that goes down, or whose source address goes, without announcing each. Not thread-safe.
/// </summary>
internal sealed class LinkTables
{
    private readonly ImmutableDictionary<int, Link>.Builder _links = ImmutableDictionary.CreateBuilder<int, Link>();
    private readonly ImmutableDictionary<IPAddress, ImmutableArray<int>>.Builder _addresses =
        ImmutableDictionary.CreateBuilder<IPAddress, ImmutableArray<int>>();
    private readonly ImmutableDictionary<IPAddress, ImmutableArray<Neighbour>>.Builder _neighbours =
        ImmutableDictionary.CreateBuilder<IPAddress, ImmutableArray<Neighbour>>();
    private readonly ImmutableDictionary<PhysicalAddress, ImmutableArray<ForwardingEntry>>.Builder _forwarding =
        ImmutableDictionary.CreateBuilder<PhysicalAddress, ImmutableArray<ForwardingEntry>>();
    private readonly List<ParsedRoute> _parsed = [];
    private readonly ImmutableDictionary<int, Link> _before;
    private ImmutableDictionary<IPAddress, ImmutableArray<HostRoute>>.Builder _routes = NewRoutes();
    private ImmutableDictionary<IPAddress, ImmutableArray<HostRoute>>.Builder _routesRead = NewRoutes();
    private ImmutableHashSet<int>.Builder _uplinks = ImmutableHashSet.CreateBuilder<int>();
    private ImmutableHashSet<int>.Builder _uplinksRead = ImmutableHashSet.CreateBuilder<int>();
    private long _lastGeneration;

    /// <param name="before">The tables that these replace after a resync: links that are still the same keep their generation.</param>
    public LinkTables(LinkTables? before = null)
    {
        _before = before?._links.ToImmutable() ?? ImmutableDictionary<int, Link>.Empty;
        _lastGeneration = before?._lastGeneration ?? 0;
    }

    public LinkSnapshot ToSnapshot() => new()
    {
        Links = _links.ToImmutable(),
        LocalAddresses = _addresses.ToImmutable(),
        HostRoutes = _routes.ToImmutable(),
        Uplinks = _uplinks.ToImmutable(),
        Neighbours = _neighbours.ToImmutable(),
        Forwarding = _forwarding.ToImmutable(),
    };

    /// <summary>Before the routes are dumped anew. Until <see cref="TakeRoutes"/> the old ones stay.</summary>
    public void BeginRoutes()
    {
        _routesRead = NewRoutes();
        _uplinksRead = ImmutableHashSet.CreateBuilder<int>();
    }

    /// <summary>After the routes were dumped to the end.</summary>
    public void TakeRoutes()
    {
        _routes = _routesRead;
        _uplinks = _uplinksRead;
    }

    /// <summary>Takes in one message of a dump.</summary>
    public void Load(ushort type, ReadOnlySpan<byte> payload)
    {
        if (type != RTM_NEWROUTE)
        {
            Apply(type, payload);
            return;
        }

        RtnetlinkParser.Routes(payload, _parsed);
        foreach ((IPAddress? destination, HostRoute route) in _parsed)
        {
            if (destination is not null) _routesRead.Put(destination, route, static (_, _) => false);
            else _uplinksRead.Add(route.Link);
        }
    }

    /// <summary>Takes in one notification.</summary>
    public TableChange Apply(ushort type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case RTM_NEWLINK when RtnetlinkParser.Link(payload) is { } link:
                return PutLink(link);
            case RTM_DELLINK when RtnetlinkParser.DeletedLink(payload) is { } index:
                return _links.Remove(index) ? TableChange.Content | TableChange.RoutesStale : TableChange.None;
            case RTM_NEWADDR when RtnetlinkParser.Address(payload) is { } added:
                return Content(_addresses.Put(added.Address, added.Link, static (one, other) => one == other));
            case RTM_DELADDR when RtnetlinkParser.Address(payload) is { } removed:
                return Content(_addresses.Drop(removed.Address, link => link == removed.Link)) | TableChange.RoutesStale;
            case RTM_NEWROUTE or RTM_DELROUTE:
                RtnetlinkParser.Routes(payload, _parsed);
                return _parsed.Exists(IsNews) ? TableChange.RoutesStale : TableChange.None;
            case RTM_NEWNEIGH or RTM_DELNEIGH when RtnetlinkParser.Neighbour(payload) is { } neighbour:
                return Content(PutNeighbour(type == RTM_NEWNEIGH, neighbour.Address, neighbour.Entry));
            case RTM_NEWNEIGH or RTM_DELNEIGH when RtnetlinkParser.Forwarding(payload) is { } forwarding:
                return Content(PutForwarding(type == RTM_NEWNEIGH, forwarding.Mac, forwarding.Entry));
            default:
                return TableChange.None;
        }
    }

    private static ImmutableDictionary<IPAddress, ImmutableArray<HostRoute>>.Builder NewRoutes() =>
        ImmutableDictionary.CreateBuilder<IPAddress, ImmutableArray<HostRoute>>();

    private static TableChange Content(bool changed) => changed ? TableChange.Content : TableChange.None;

    /// <summary>
    /// Of the routes to other networks only the first through a link is: those to the cluster's other nodes come and go by the thousand.
    /// That a link has lost its last is seen at the next resync.
    /// </summary>
    private bool IsNews(ParsedRoute route) => route.Destination is not null || !_uplinks.Contains(route.Route.Link);

    private TableChange PutLink(Link link)
    {
        if (_links.TryGetValue(link.Index, out Link? known))
        {
            link = link with { Generation = known.Generation };
            if (link == known) return TableChange.None;
            _links[link.Index] = link;
            return link.Up == known.Up ? TableChange.Content : TableChange.Content | TableChange.RoutesStale;
        }

        bool same = _before.TryGetValue(link.Index, out Link? before) && SameLink(before, link);
        _links[link.Index] = link with { Generation = same ? before!.Generation : ++_lastGeneration };
        return TableChange.Content;
    }

    /// <summary>
    /// After a resync, when a deletion may have been missed. A link that has lost both its name and its MAC meanwhile is taken for another.
    /// </summary>
    private static bool SameLink(Link before, Link now) =>
        before.Kind == now.Kind && before.Peer == now.Peer && before.PeerNetns == now.PeerNetns
        && (before.Name == now.Name || before.Mac.Equals(now.Mac));

    private bool PutNeighbour(bool present, IPAddress address, Neighbour entry) =>
        present && !entry.Mac.Equals(PhysicalAddress.None)
            ? _neighbours.Put(address, entry, static (old, now) => old.Link == now.Link)
            : _neighbours.Drop(address, old => old.Link == entry.Link);

    /// <summary>
    /// A MAC that moves to another port is announced only there, so an entry replaces the one of its bridge and VLAN. Entries behind
    /// ports that lead to other hosts are not kept: behind an overlay's port are the MACs of the whole cluster.
    /// </summary>
    private bool PutForwarding(bool present, PhysicalAddress mac, ForwardingEntry entry) =>
        present && _links.TryGetValue(entry.Port, out Link? port) && PodEnd.WhyNotByKind(port) is null
            ? _forwarding.Put(mac, entry, static (old, now) => old.Bridge == now.Bridge && old.Vlan == now.Vlan)
            : _forwarding.Drop(mac, old => old.Bridge == entry.Bridge && old.Vlan == entry.Vlan && (present || old.Port == entry.Port));
}
