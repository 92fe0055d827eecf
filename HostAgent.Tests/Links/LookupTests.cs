using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;

namespace HostAgent.Tests.Links;

/// <summary>The wiring of the common network plugins, with real links.</summary>
public sealed class LookupTests
{
    [Test]
    public async Task Host_routes_of_both_families_lead_to_one_link()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("api");
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        Pod pod = MonitoredNode.Pod("api", net.Ipv4.ToString(), net.Ipv6!.ToString());
        PodCoverage found = await at.CapturedAsync(matcher, pod);
        Assert.That(found.Links.Single(), Is.EqualTo(new LinkMatch(at.Snapshot.Links[net.HostIndex], net.Ipv4, FoundBy.Route)));

        Pod onlyIpv6 = MonitoredNode.Pod("six", net.Ipv6.ToString());
        Assert.That(new RouteLookup().Find(onlyIpv6.Ips[0], at.Snapshot).Link?.Index, Is.EqualTo(net.HostIndex));
    }

    [TestCase(100)]
    [TestCase(70000)]
    public async Task A_host_route_in_a_table_of_its_own_counts(int table)
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("api");
        at.Node.Namespace.IpBatch(
            $"route add 10.77.0.9/32 dev {net.HostLink} table {table}", $"route add fd77::9/128 dev {net.HostLink} table {table}");
        await at.UntilAsync("the routes are there", links => links.HostRoutes.ContainsKey(IPAddress.Parse("fd77::9")));
        foreach (string ip in (string[])["10.77.0.9", "fd77::9"])
        {
            Assert.That(at.Snapshot.HostRoutes[IPAddress.Parse(ip)].Single().Table, Is.EqualTo(table));
            Assert.That(new RouteLookup().Find(IPAddress.Parse(ip), at.Snapshot).Link?.Index, Is.EqualTo(net.HostIndex));
        }
    }

    [Test]
    public async Task A_route_over_several_hops_is_followed_to_the_pods_link()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("api");
        at.Node.Namespace.Ip($"route add 10.77.0.9/32 nexthop via {NodeNetwork.WorldAddress} dev eth0 nexthop dev {net.HostLink}");
        var address = IPAddress.Parse("10.77.0.9");
        await at.UntilAsync("the route is there", links => links.HostRoutes.ContainsKey(address));
        Assert.That(new RouteLookup().Find(address, at.Snapshot).Link?.Index, Is.EqualTo(net.HostIndex));
    }

    [Test]
    public async Task On_a_bridge_the_neighbour_entry_and_the_forwarding_database_name_the_port()
    {
        using var at = new MonitoredNode();
        PodNetwork one = at.Node.AddBridged("web"), other = at.Node.AddBridged("db");
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        foreach (PodNetwork net in (PodNetwork[])[one, other])
        {
            at.Node.Probe(net);
            PodCoverage found = await at.CapturedAsync(matcher, MonitoredNode.Pod(net.Name, net.Ipv4.ToString()));
            Assert.That(found.Links.Single().Link.Name, Is.EqualTo(net.HostLink));
            Assert.That(found.Links.Single().FoundBy, Is.EqualTo(FoundBy.Neighbour));
        }

        await at.UntilAsync("the IPv6 neighbour is there",
            links => new NeighbourLookup().Find(one.Ipv6!, links).Link?.Index == one.HostIndex);
    }

    [Test]
    public async Task Without_a_neighbour_entry_a_bridged_pod_is_pending_and_what_was_tried_is_said()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddBridged("web");
        await at.UntilAsync("the port is there", links => links.Links.ContainsKey(net.HostIndex));
        PodCoverage coverage = at.Cover(new PodLinkMatcher(MonitoredNode.Lookups), MonitoredNode.Pod("web", net.Ipv4.ToString()));
        Assert.That(coverage.State, Is.EqualTo(PodState.Pending));
        Assert.That(coverage.Reason, Is.EqualTo($"no link found for {net.Ipv4}: no host route; no neighbour entry"));
    }

    [Test]
    public async Task A_bridge_that_has_forgotten_a_silent_pod_does_not_end_its_capture()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddBridged("web");
        at.Node.Probe(net);
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        Pod pod = MonitoredNode.Pod("web", net.Ipv4.ToString());
        await at.CapturedAsync(matcher, pod);
        at.Node.Namespace.Ip("neigh flush dev cni0");
        at.Node.Namespace.Ip("link set cni0 type bridge fdb_flush");
        await at.UntilAsync("both tables are empty", links => new NeighbourLookup().Find(net.Ipv4, links).Link is null);
        Assert.That(at.Cover(matcher, pod).State, Is.EqualTo(PodState.Captured));
        Assert.That(at.Cover(matcher, pod).Links.Single().FoundBy, Is.EqualTo(FoundBy.Neighbour));
    }

    [Test]
    public async Task A_remote_neighbour_on_the_uplink_is_not_a_pod()
    {
        using var at = new MonitoredNode();
        at.Node.Namespace.Ip($"neigh replace {NodeNetwork.WorldAddress} lladdr 02:00:00:00:00:09 dev eth0");
        await at.UntilAsync("the neighbour is there", links => links.Neighbours.ContainsKey(NodeNetwork.WorldAddress));
        LookupAnswer answer = new NeighbourLookup().Find(NodeNetwork.WorldAddress, at.Snapshot);
        Assert.That(answer.Link, Is.Null);
        Assert.That(answer.Reason, Does.Contain("eth0 leads to other networks"));
    }

    [TestCase("link add t0 type vxlan id 5 dstport 4790", "vxlan")]
    [TestCase("link add t0 type ifb", "ifb")]
    [TestCase("link add t0 link eth0 type macvlan mode bridge", "macvlan")]
    [TestCase("tuntap add t0 mode tap", "tun")]
    public async Task Links_whose_other_end_is_not_a_pod_of_this_host_do_not_count(string make, string kind)
    {
        using var at = new MonitoredNode();
        var address = IPAddress.Parse("10.77.0.9");
        at.Node.Namespace.IpBatch(
            make, "link set t0 up", $"route add {address}/32 dev t0", $"neigh add {address} lladdr 02:00:00:00:00:09 dev t0");
        await at.UntilAsync("route and neighbour are there",
            links => links.HostRoutes.ContainsKey(address) && links.Neighbours.ContainsKey(address));
        foreach (ILinkLookup lookup in MonitoredNode.Lookups)
        {
            Assert.That(lookup.Find(address, at.Snapshot).Link, Is.Null, lookup.FoundBy.ToString());
            Assert.That(lookup.Find(address, at.Snapshot).Reason, Does.Contain($"t0 is of kind {kind}"));
        }
    }

    [Test]
    public async Task A_veth_between_two_bridges_of_the_host_is_not_a_pods()
    {
        using var at = new MonitoredNode();
        var address = IPAddress.Parse("10.77.0.9");
        at.Node.Namespace.IpBatch(
            "link add v0 type veth peer name v1", "link add b0 type bridge", "link set v0 master b0", "link set v0 up",
            "link set v1 up", "link set b0 up",
            $"neigh add {address} lladdr 02:00:00:00:00:09 dev b0");
        at.Node.Namespace.Exec("bridge", "fdb", "add", "02:00:00:00:00:09", "dev", "v0", "master", "static");
        await at.UntilAsync("the neighbour is there", links => links.Neighbours.ContainsKey(address));
        LookupAnswer answer = new NeighbourLookup().Find(address, at.Snapshot);
        Assert.That(answer.Link, Is.Null);
        Assert.That(answer.Reason, Does.Contain("behind no pod's link of bridge b0"));
    }

    [Test]
    public async Task A_mac_that_moves_to_another_port_is_followed_in_the_database()
    {
        using var at = new MonitoredNode();
        PodNetwork one = at.Node.AddBridged("web"), other = at.Node.AddBridged("db");
        at.Node.Namespace.Ip($"neigh add {one.Ipv4} lladdr 02:00:00:00:00:09 dev cni0");
        foreach (PodNetwork net in (PodNetwork[])[one, other])
        {
            at.Node.Namespace.Exec("bridge", "fdb", "replace", "02:00:00:00:00:09", "dev", net.HostLink, "master", "static");
            await at.UntilAsync($"it is behind {net.HostLink}",
                links => new NeighbourLookup().Find(one.Ipv4, links).Link?.Index == net.HostIndex);
        }
    }
}
