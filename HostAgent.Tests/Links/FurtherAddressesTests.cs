using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using Microsoft.Extensions.Logging.Abstractions;
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
            Assert.That(coverage.Pods.Select(pod => string.Join(' ', pod.Links.Select(link => link.Link.Name))),
                Is.EqualTo(["veth2", "veth1"]));
            Assert.That(coverage.Warnings.Single(), Does.Contain("further interface").And.Contain("pod shop/victim's own address"));
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_link_held_by_an_annotated_address_goes_to_the_pod_that_gets_it_as_its_own(bool routed)
    {
        Pod victim = MonitoredNode.Pod("victim"), thief = Annotated("thief", "10.0.0.2", "10.0.0.1");
        // The kernel knows of the victim's link before the API knows its address.
        LinkSnapshot links = routed
            ? Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"))
            : Neighbours((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Assert.That(Match(links, victim, thief).Pods[0].Links, Has.Length.EqualTo(2), "nobody else claims it yet");
        victim = victim with { Ips = [IPAddress.Parse("10.0.0.1")] };
        Coverage coverage = Match(links, victim, thief);
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Name), Is.EqualTo(["veth2", "veth1"]));
        Assert.That(coverage.Warnings, Has.None.Contains("both"));
    }

    [Test]
    public void A_pod_that_annotated_an_address_and_has_gone_leaves_the_link_to_the_next()
    {
        LinkSnapshot links = Neighbours((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Match(links, Annotated("thief", "10.0.0.2", "10.0.0.1"));
        Coverage coverage = Match(links, MonitoredNode.Pod("victim", "10.0.0.1"));
        Assert.That(coverage.Pods.Single().Links.Single().Link, Is.EqualTo(Veth1));
    }

    [Test]
    public void A_link_held_by_another_address_is_lost_to_the_pod_whose_own_address_leads_to_it()
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
    public void A_link_of_only_the_further_interface_is_warned_of_and_the_other_is_sought()
    {
        LinkSnapshot links = Routes((Veth2, "10.5.0.1")) with { Links = Indexed(Veth1, Veth2) };
        Pod pod = Annotated("multi", "10.0.0.1", "10.5.0.1");
        Coverage coverage = Match(links, pod);
        Assert.That(coverage.Pods.Single().State, Is.EqualTo(PodState.Captured));
        Assert.That(coverage.Warnings.Single(),
            Does.Contain("shop/multi").And.Contain("only its further interface").And.Contain("no link found for 10.0.0.1: no host route"));
        Assert.That(coverage.Unclaimed, Is.EqualTo([Veth1]));
        Assert.That(coverage.Sought, Is.EqualTo(pod.Ips));

        // Of two addresses of one interface one with a link is enough.
        coverage = Match(Routes((Veth1, "10.0.0.1"), (Veth2, "10.5.0.1")), pod with { Ips = [.. pod.Ips, IPAddress.Parse("fd00::1")] });
        Assert.That(coverage.Warnings, Is.Empty);
        Assert.That(coverage.Sought, Is.Empty);
        Assert.That(coverage.Unclaimed, Is.Empty);
    }

    [Test]
    public void A_further_interface_without_a_link_is_sought_and_warned_of_in_scope_only()
    {
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        Pod pod = Annotated("multi", "10.0.0.1", "10.5.0.1", "10.5.0.9"), outside = Annotated("outside", "10.0.0.2", "10.5.0.2");
        Coverage coverage = _matcher.Match([(pod, MonitoredNode.Rule), (outside, null)], links).Coverage;
        Assert.That(coverage.Warnings.Single(),
            Does.Contain("shop/multi: a further interface").And.Contain("10.5.0.1").And.Contain("10.5.0.9"));
        Assert.That(coverage.Sought.Select(ip => $"{ip}"), Is.EqualTo(["10.5.0.1", "10.5.0.9", "10.5.0.2"]));

        coverage = _matcher.Match([(pod, null), (outside, null)], links).Coverage;
        Assert.That(coverage.Warnings, Is.Empty);
        Assert.That(coverage.Sought, Is.Empty);
    }

    [Test]
    public void Pods_in_scope_are_sought_before_others_and_what_will_never_be_found_is_not()
    {
        _matcher = new PodLinkMatcher([new RouteLookup(), new NoLinkFor("10.5.0.1", "fd00::3")]);
        Pod outside = Annotated("a", "10.0.0.1", "10.5.0.9"), inside = Annotated("b", "10.0.0.2", "10.5.0.1"),
            hopeless = MonitoredNode.Pod("c", "10.0.0.3", "fd00::3");
        Coverage coverage = _matcher.Match(
            [(outside, null), (inside, MonitoredNode.Rule), (hopeless, MonitoredNode.Rule)], LinkSnapshot.Empty).Coverage;
        Assert.That(coverage.Sought.Select(ip => $"{ip}"), Is.EqualTo(["10.0.0.2", "10.0.0.1", "10.5.0.9"]));
        coverage = _matcher.Match(
            [(outside, null), (inside, MonitoredNode.Rule), (hopeless, MonitoredNode.Rule)], Routes((Veth1, "10.0.0.2"))).Coverage;
        Assert.That(coverage.Sought, Is.Empty, "no pod in scope misses what can be found");
    }

    [Test]
    public async Task Nothing_is_sent_to_an_annotated_address()
    {
        using var at = new MonitoredNode();
        PodNetwork own = at.Node.AddBridged("own"), other = at.Node.AddBridged("other");
        await at.UntilAsync("the links are there",
            links => links.Links.ContainsKey(own.HostIndex) && links.Links.ContainsKey(other.HostIndex));
        using LinkLookups lookups = at.Node.Namespace.Run(
            () => new LinkLookups(() => at.Snapshot, listen: true, NullLoggerFactory.Instance));
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

    private Coverage Match(LinkSnapshot links, params Pod[] pods) =>
        _matcher.Match(pods.Select(pod => (pod, (MirrorRule?)MonitoredNode.Rule)), links).Coverage;

    /// <summary>A lookup that knows that there is no link.</summary>
    private sealed class NoLinkFor(params string[] ips) : ILinkLookup
    {
        public FoundBy FoundBy => FoundBy.Netns;

        public bool Authoritative => true;

        public LookupAnswer Find(IPAddress address, LinkSnapshot snapshot) =>
            ips.Contains($"{address}") ? LookupAnswer.Impossible("macvlan") : LookupAnswer.None("not known");
    }
}
