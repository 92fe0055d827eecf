using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Configuration;
using HostAgent.Demo;
using HostAgent.Links;
using static HostAgent.Tests.Links.HandMadeLinks;

namespace HostAgent.Tests.Links;

/// <summary>Addresses of further interfaces, which are what the pod's annotation says, and so what a tenant likes to write there.</summary>
public sealed class FurtherAddressesTests
{
    private readonly HandClock _clock = new();
    private PodLinkMatcher _matcher = null!;

    [SetUp]
    public void SetUp() => _matcher = new PodLinkMatcher([new RouteLookup(), new NeighbourLookup()], _clock);

    [Test]
    public void A_pod_that_annotates_anothers_address_does_not_contest_it_whoever_was_first()
    {
        Pod victim = MonitoredNode.Pod("victim", "10.0.0.1"), thief = Annotated("thief", "10.0.0.2", "10.0.0.1");
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Pod[][] orders = [[victim, thief], [victim], [thief]];
        foreach (Pod[] first in orders)
        {
            SetUp();
            Match(links, first);
            Coverage coverage = Match(links, victim, thief);
            Assert.That(coverage.Pods.Select(pod => string.Join(' ', pod.Links.Select(link => link.Link.Name))), Is.EqualTo(["veth2", "veth1"]));
            Assert.That(coverage.Warnings.Single(), Does.Contain("further interface").And.Contain("pod shop/victim's own address"));
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_link_held_by_an_annotated_address_goes_to_the_pod_whose_own_the_address_becomes(bool routed)
    {
        Pod victim = MonitoredNode.Pod("victim"), thief = Annotated("thief", "10.0.0.2", "10.0.0.1");
        // The kernel knows of the victim's link before the API knows its address.
        LinkSnapshot links = routed ? Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2")) : Neighbours((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Assert.That(Match(links, victim, thief).Pods[0].Links, Has.Length.EqualTo(2), "nobody else claims it yet");
        victim = victim with { Ips = [IPAddress.Parse("10.0.0.1")] };
        Coverage coverage = Match(links, victim, thief);
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Name), Is.EqualTo(["veth2", "veth1"]));
        Assert.That(coverage.Warnings, Has.None.Contains("both"));
    }

    [Test]
    public void A_pod_that_annotated_an_address_and_has_gone_does_not_keep_the_link_from_the_next()
    {
        LinkSnapshot links = Neighbours((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Match(links, Annotated("thief", "10.0.0.2", "10.0.0.1"));
        Coverage coverage = Match(links, MonitoredNode.Pod("victim", "10.0.0.1"));
        Assert.That(coverage.Pods.Single().Links.Single().Link, Is.EqualTo(Veth1));
    }

    [Test]
    public void A_link_held_by_another_address_that_leads_to_it_is_lost_to_the_pod_whose_own_address_does()
    {
        // An address that is in no pod's status, but has a route to the victim's link.
        Pod victim = MonitoredNode.Pod("victim"), thief = Annotated("thief", "10.0.0.2", "10.0.0.9");
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Veth1, "10.0.0.9"), (Veth2, "10.0.0.2"));
        Match(links, victim, thief);
        Coverage coverage = Match(links, victim with { Ips = [IPAddress.Parse("10.0.0.1")] }, thief);
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Name), Is.EqualTo(["veth2", "veth1"]));
    }

    [Test]
    public void A_pod_that_annotates_the_sensors_address_does_not_leave_the_scope()
    {
        LinkSnapshot links = Routes((Veth1, "10.5.0.1"), (Veth2, "10.0.0.2"));
        Coverage coverage = Match(links, Annotated("thief", "10.0.0.2", "10.5.0.1")).WithoutSensors([Veth1.Index]);
        Assert.That(coverage.Pods.Single().State, Is.EqualTo(PodState.Captured));
        Assert.That(coverage.Pods.Single().Links.Single().Link, Is.EqualTo(Veth2));

        coverage = Match(links, Annotated("thief", "10.0.0.3", "10.5.0.1"));
        Assert.That(coverage.WithoutSensors([Veth1.Index]).Pods.Single().State, Is.EqualTo(PodState.Pending));
        Assert.That(coverage.WithoutSensors([Veth1.Index]).Pods.Single().Reason, Does.Contain("sensor's own"));
    }

    [Test]
    public void What_is_sought_begins_with_the_pods_own_addresses()
    {
        Coverage coverage = Match(LinkSnapshot.Empty, Annotated("a", "10.0.0.1", "10.5.0.1"), Annotated("b", "10.0.0.2", "10.5.0.2"));
        Assert.That(coverage.Sought.Select(ip => $"{ip}"), Is.EqualTo(["10.0.0.1", "10.0.0.2", "10.5.0.1", "10.5.0.2"]));
    }

    [Test]
    public async Task Nothing_is_sent_to_an_annotated_address()
    {
        using var at = new MonitoredNode();
        PodNetwork own = at.Node.AddBridged("own"), other = at.Node.AddBridged("other");
        await at.UntilAsync("the links are there", links => links.Links.ContainsKey(own.HostIndex) && links.Links.ContainsKey(other.HostIndex));
        using LinkLookups lookups = at.Node.Namespace.Run(() => new LinkLookups(() => at.Snapshot, listen: true));
        Coverage coverage = Match(at.Snapshot, Annotated("own", $"{own.Ipv4}", $"{other.Ipv4}"));
        Assert.That(coverage.Sought, Is.EqualTo([own.Ipv4, other.Ipv4]));
        at.Node.Namespace.Run(() =>
        {
            lookups.Follow(coverage);
            return 0;
        });
        // The kernel has made an entry for whom it asks before the datagram's sender goes on.
        Assert.That(at.Node.Namespace.Ip("neigh show nud all"), Does.Contain($"{own.Ipv4} ").And.Not.Contain($"{other.Ipv4} "));
    }

    private static Pod Annotated(string name, string own, params string[] further) =>
        MonitoredNode.Pod(name, own) with { SecondaryIps = [.. further.Select(IPAddress.Parse)] };

    private Coverage Match(LinkSnapshot links, params Pod[] pods) => _matcher.Match(pods.Select(pod => (pod, (MirrorRule?)MonitoredNode.Rule)), links);
}
