using System.Collections.Immutable;
using System.Net;
using HostAgent.Links;

namespace HostAgent.Tests.Links;

/// <summary>Snapshots such as the monitor publishes, with just what a test is about.</summary>
internal static class HandMadeLinks
{
    public static readonly Link Veth1 = new() { Index = 1, Name = "veth1", Kind = "veth", PeerNetns = 1, Generation = 1 };
    public static readonly Link Veth2 = new() { Index = 2, Name = "veth2", Kind = "veth", PeerNetns = 2, Generation = 2 };

    public static ImmutableDictionary<int, Link> Indexed(params Link[] links) =>
        links.DistinctBy(link => link.Index).ToImmutableDictionary(link => link.Index);

    public static LinkSnapshot Routes(params (Link Link, string Ip)[] routes) => new()
    {
        Links = Indexed([.. routes.Select(route => route.Link)]),
        HostRoutes = routes.ToImmutableDictionary(
            route => IPAddress.Parse(route.Ip), route => ImmutableArray.Create(new HostRoute(254, 0, route.Link.Index))),
    };

    public static LinkSnapshot Neighbours(params (Link Link, string Ip)[] entries) => new()
    {
        Links = Indexed([.. entries.Select(entry => entry.Link)]),
        Neighbours = entries.ToImmutableDictionary(
            entry => IPAddress.Parse(entry.Ip), entry => ImmutableArray.Create(new Neighbour(entry.Link.Index, new([2, 0, 0, 0, 0, 1])))),
    };
}
