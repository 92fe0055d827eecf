using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using HostAgent.Tests.Tunnel;
using static HostAgent.Tests.Tunnel.SensorFinder;

namespace HostAgent.Tests.Sensors;

public sealed class SensorResolverTests
{
    private SensorFinder _finder = null!;

    [SetUp]
    public void SetUp() => _finder = new SensorFinder();

    [TestCase("127.0.0.1", "127.0.0.1")]
    [TestCase("::1", "::1")]
    [TestCase("192.168.99.1", "192.168.99.1")]
    public void An_address_of_the_host_itself_is_reached_over_loopback(string address, string source)
    {
        using var at = new MonitoredNode();
        SensorStatus status = _finder.Resolve(at, new SensorPolicy { Address = IPAddress.Parse(address), Port = 4790 });
        Assert.That(status.State, Is.EqualTo(SensorState.Ready), status.Reason);
        Assert.That(status.Endpoints.Single(), Is.EqualTo(
            new SensorEndpoint(IPAddress.Parse(address), 4790, at.Snapshot.Loopback!, IPAddress.Parse(source))));
    }

    [Test]
    public async Task An_address_behind_a_pods_link_is_reached_over_that_link()
    {
        using var at = new MonitoredNode();
        PodNetwork routed = at.Node.AddRouted("zeek"), bridged = at.Node.AddBridged("suri");
        at.Node.Probe(bridged);
        await at.UntilAsync("both are known", links =>
            links.HostRoutes.ContainsKey(routed.Ipv6!) && new NeighbourLookup().Find(bridged.Ipv4, links).Link is not null);
        foreach ((IPAddress address, PodNetwork net, IPAddress source) in new[]
                 {
                     (routed.Ipv4, routed, NodeNetwork.Address),
                     (bridged.Ipv4, bridged, IPAddress.Parse("10.99.1.1")),
                 })
        {
            SensorStatus status = _finder.Resolve(at, new SensorPolicy { Address = address });
            Assert.That(status.State, Is.EqualTo(SensorState.Ready), status.Reason);
            Assert.That(status.Endpoints.Single(), Is.EqualTo(new SensorEndpoint(address, 4789, at.Snapshot.Links[net.HostIndex], source)));
        }

        Assert.That(_finder.Resolve(at, new SensorPolicy { Address = routed.Ipv6 }).Endpoints.Single().Link.Index,
            Is.EqualTo(routed.HostIndex));
    }

    [Test]
    public void An_address_that_is_not_on_this_host_is_refused_by_name_and_with_the_mend()
    {
        using var at = new MonitoredNode();
        at.Node.Namespace.Ip($"neigh replace {NodeNetwork.WorldAddress} lladdr 02:00:00:00:00:09 dev eth0");
        foreach (IPAddress address in (IPAddress[])[NodeNetwork.WorldAddress, IPAddress.Parse("203.0.113.7")])
        {
            SensorStatus status = _finder.Resolve(at, new SensorPolicy { Address = address });
            Assert.That(status.State, Is.EqualTo(SensorState.Refused));
            Assert.That(status.Endpoints, Is.Empty);
            Assert.That(status.Reason,
                Does.Contain(address.ToString()).And.Contain("not known to be on this host").And.Contain("give an address of this host"));
        }
    }

    [Test]
    public async Task A_service_address_of_ipvs_is_not_on_this_host()
    {
        using var at = new MonitoredNode();
        // kube-proxy's is of kind dummy; the name is what tells.
        at.Node.Namespace.IpBatch("link add kube-ipvs0 type ifb", "addr add 10.96.0.9/32 dev kube-ipvs0");
        await at.UntilAsync("the address is there", links => links.LocalAddresses.ContainsKey(IPAddress.Parse("10.96.0.9")));
        SensorStatus status = _finder.Resolve(at, new SensorPolicy { Address = IPAddress.Parse("10.96.0.9") });
        Assert.That(status.State, Is.EqualTo(SensorState.Refused));
        Assert.That(status.Reason, Does.Contain("service address"));
    }

    [Test]
    public async Task Pods_are_sensors_by_namespace_labels_and_readiness_in_the_order_of_addresses()
    {
        using var at = new MonitoredNode();
        PodNetwork first = at.Node.AddRouted("first"), second = at.Node.AddRouted("second");
        await at.UntilAsync("both have routes",
            links => links.HostRoutes.ContainsKey(first.Ipv4) && links.HostRoutes.ContainsKey(second.Ipv6!));
        Pod good = Sensor("b", first.Ipv4.ToString(), first.Ipv6!.ToString()), other = Sensor("a", second.Ipv4.ToString());
        Assert.That(_finder.Resolve(at, Select, good, other).Endpoints.Select(endpoint => endpoint.Address),
            Is.EqualTo([first.Ipv4, second.Ipv4]));

        foreach ((Pod bad, string reason) in new[]
                 {
                     (good with { Ready = false }, "is not ready"),
                     (good with { Terminating = true }, "is terminating"),
                     (good with { Phase = PodPhase.Failed }, "has finished"),
                     (good with { Ips = [] }, "has no address yet"),
                     (good with { Namespace = "tenant" }, "no pod of this node in namespace security"),
                     (good with { Labels = ImmutableDictionary<string, string>.Empty }, "no pod of this node"),
                 })
        {
            SensorStatus status = _finder.Resolve(at, Select, bad);
            Assert.That(status.State, Is.EqualTo(SensorState.Missing), reason);
            Assert.That(status.Reason, Does.Contain(reason));
        }

        SensorStatus partly = _finder.Resolve(at, Select, good, other with { Ready = false });
        Assert.That(partly.State, Is.EqualTo(SensorState.Ready));
        Assert.That(partly.Endpoints.Single().Address, Is.EqualTo(first.Ipv4));
    }

    [Test]
    public void A_sensor_pod_on_the_host_network_is_reached_over_loopback()
    {
        using var at = new MonitoredNode();
        SensorStatus status = _finder.Resolve(at, Select, Sensor("zeek", NodeNetwork.Address.ToString()) with { HostNetwork = true });
        Assert.That(status.Endpoints.Single().Link, Is.EqualTo(at.Snapshot.Loopback));
    }

    [Test]
    public async Task A_sensor_whose_link_has_gone_is_no_longer_used()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("zeek");
        await at.UntilAsync("the route is there", links => links.HostRoutes.ContainsKey(net.Ipv4));
        Pod pod = Sensor("zeek", net.Ipv4.ToString());
        Assert.That(_finder.Resolve(at, Select, pod).State, Is.EqualTo(SensorState.Ready));
        at.Node.Namespace.Ip($"link del {net.HostLink}");
        await at.UntilAsync("the link is gone", links => !links.Links.ContainsKey(net.HostIndex));
        SensorStatus status = _finder.Resolve(at, Select, pod);
        Assert.That(status.State, Is.EqualTo(SensorState.Refused));
        Assert.That(status.Reason, Does.Contain("security/zeek").And.Contain("host route"));
    }

    [Test]
    public async Task A_silent_sensor_behind_a_bridge_that_has_forgotten_it_is_still_used()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddBridged("zeek");
        at.Node.Probe(net);
        await at.UntilAsync("it is known", links => new NeighbourLookup().Find(net.Ipv4, links).Link is not null);
        SensorEndpoint before = _finder.Resolve(at, new SensorPolicy { Address = net.Ipv4 }).Endpoints.Single();
        at.Node.Namespace.Ip("neigh flush dev cni0");
        await at.UntilAsync("it is forgotten", links => new NeighbourLookup().Find(net.Ipv4, links).Link is null);
        Assert.That(_finder.Resolve(at, new SensorPolicy { Address = net.Ipv4 }).Endpoints.Single().Link.Index,
            Is.EqualTo(before.Link.Index));
    }

    [Test]
    public async Task A_sensor_behind_a_bridge_that_has_never_spoken_is_looked_for()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddBridged("zeek");
        await at.UntilAsync("the link is there", links => links.Links.ContainsKey(net.HostIndex));
        Pod pod = Sensor("zeek", net.Ipv4.ToString());
        Assert.That(_finder.Resolve(at, Select, pod).State, Is.EqualTo(SensorState.Refused));
        await at.UntilAsync("its neighbour entry is there", links => new NeighbourLookup().Find(net.Ipv4, links).Link is not null);
        Assert.That(_finder.Resolve(at, Select, pod).Endpoints.Single().Link.Index, Is.EqualTo(net.HostIndex));
    }
}
