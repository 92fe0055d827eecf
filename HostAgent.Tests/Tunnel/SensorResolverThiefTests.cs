using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using static HostAgent.Tests.Tunnel.SensorFinder;

namespace HostAgent.Tests.Tunnel;

/// <summary>The sensor's address leads to another pod's link: nothing may be sent there.</summary>
public sealed class SensorResolverThiefTests
{
    private const string Mac = "02:00:00:00:00:09";

    private readonly HandClock _clock = new();
    private MonitoredNode _at = null!;
    private SensorFinder _finder = null!;

    [SetUp]
    public void SetUp()
    {
        _at = new MonitoredNode();
        _finder = new SensorFinder(_clock);
    }

    [TearDown]
    public void TearDown() => _at.Dispose();

    [TestCase(false)]
    [TestCase(true)]
    public async Task An_address_given_to_a_tenant_is_not_the_sensors_though_the_API_calls_it_ready(bool late)
    {
        PodNetwork zeek = _at.Node.AddRouted("zeek"), net = _at.Node.AddRouted("tenant");
        await _at.UntilAsync("the route is there", links => links.HostRoutes.ContainsKey(zeek.Ipv4));
        Pod sensor = Sensor("zeek", $"{zeek.Ipv4}"), tenant = MonitoredNode.Pod("tenant");
        Assert.That(_finder.Resolve(_at, Select, sensor, tenant).State, Is.EqualTo(SensorState.Ready));

        _at.Node.Namespace.IpBatch($"link del {zeek.HostLink}", $"route add {zeek.Ipv4}/32 dev {net.HostLink}");
        await _at.UntilAsync("the address is the tenant's", links => new RouteLookup().Find(zeek.Ipv4, links).Link?.Index == net.HostIndex);
        AssertRefused(_finder.Resolve(_at, Select, sensor, tenant), "half a second");
        if (late)
        {
            // The API is so slow that the new link was taken for the sensor's.
            _clock.Advance(PodLinkMatcher.Settle);
            _finder.Resolve(_at, Select, sensor, tenant);
        }

        tenant = tenant with { Ips = [zeek.Ipv4] };
        AssertRefused(_finder.Resolve(_at, Select, sensor, tenant), "shop/tenant");
        _clock.Advance(TimeSpan.FromMinutes(1));
        AssertRefused(_finder.Resolve(_at, Select, sensor, tenant), "shop/tenant");
        AssertRefused(_finder.Resolve(_at, new SensorPolicy { Address = zeek.Ipv4 }, sensor, tenant), "both have it");
    }

    [Test]
    public async Task A_tenant_that_answers_for_the_sensors_address_on_a_bridge_gets_nothing()
    {
        (IPAddress spoofed, PodNetwork net) = await SpoofedAsync();
        Pod sensor = Sensor("zeek", $"{spoofed}"), tenant = MonitoredNode.Pod("tenant", $"{net.Ipv4}");
        AssertRefused(_finder.Resolve(_at, Select, sensor, tenant), "shop/tenant claims too");
        AssertRefused(_finder.Resolve(_at, new SensorPolicy { Address = spoofed }, sensor, tenant), "shop/tenant claims too");
    }

    [Test]
    public async Task Nor_when_the_sensor_is_no_pod_nor_when_an_accomplice_claims_the_link_too()
    {
        (IPAddress spoofed, PodNetwork net) = await SpoofedAsync();
        var policy = new SensorPolicy { Address = spoofed };
        Pod tenant = MonitoredNode.Pod("tenant", $"{net.Ipv4}");
        Assert.That(_finder.Resolve(_at, policy).State, Is.EqualTo(SensorState.Ready), "nothing tells whose link it is");
        AssertRefused(_finder.Resolve(_at, policy, tenant), "pod shop/tenant's");
        _finder = new SensorFinder();
        _at.Node.Namespace.Ip($"neigh replace 10.99.1.99 lladdr {Mac} dev cni0");
        await _at.UntilAsync("the second entry is there", links => links.Neighbours.ContainsKey(IPAddress.Parse("10.99.1.99")));
        AssertRefused(_finder.Resolve(_at, policy, tenant, MonitoredNode.Pod("accomplice", "10.99.1.99")), net.HostLink);
    }

    [Test]
    public async Task An_annotated_address_neither_keeps_a_sensor_from_its_link_nor_opens_another()
    {
        PodNetwork multi = _at.Node.AddRouted("multi"), net = _at.Node.AddRouted("tenant");
        var address = IPAddress.Parse("10.55.0.9");
        _at.Node.Namespace.Ip($"route add {address}/32 dev {multi.HostLink}");
        await _at.UntilAsync("the route is there", links => links.HostRoutes.ContainsKey(address));
        Pod annotated = MonitoredNode.Pod("multi", $"{net.Ipv4}") with { SecondaryIps = [address, multi.Ipv4] };
        var policy = new SensorPolicy { Address = address };
        Assert.That(_finder.Resolve(_at, policy, annotated).Endpoints.Single().Link.Index, Is.EqualTo(multi.HostIndex));
        AssertRefused(_finder.Resolve(_at, policy, annotated with { Ips = [multi.Ipv4], SecondaryIps = [address] }), "pod shop/multi's");
        AssertRefused(_finder.Resolve(_at, policy, annotated with { SecondaryIps = [multi.Ipv4] }), "pod shop/multi's");
    }

    /// <summary>The host has been made to believe that an address is behind the link of a tenant.</summary>
    private async Task<(IPAddress Spoofed, PodNetwork Tenant)> SpoofedAsync()
    {
        PodNetwork zeek = _at.Node.AddBridged("zeek"), net = _at.Node.AddBridged("tenant");
        _at.Node.Namespace.IpBatch($"neigh replace {zeek.Ipv4} lladdr {Mac} dev cni0", $"neigh replace {net.Ipv4} lladdr {Mac} dev cni0");
        _at.Node.Namespace.Exec("bridge", "fdb", "replace", Mac, "dev", net.HostLink, "master", "static");
        foreach (IPAddress ip in (IPAddress[])[zeek.Ipv4, net.Ipv4])
        {
            await _at.UntilAsync($"{ip} is behind the tenant's link",
                links => new NeighbourLookup().Find(ip, links).Link?.Index == net.HostIndex);
        }

        return (zeek.Ipv4, net);
    }

    private static void AssertRefused(SensorStatus status, string reason)
    {
        Assert.That(status.State, Is.EqualTo(SensorState.Refused), status.Reason);
        Assert.That(status.Endpoints, Is.Empty);
        Assert.That(status.Reason, Does.Contain(reason));
    }
}
