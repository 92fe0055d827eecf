using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using static HostAgent.Tests.Links.HandMadeLinks;

namespace HostAgent.Tests.Links;

/// <summary>Links that no address leads to, but that end where a pod's own link does.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SiblingLinksTests
{
    private static readonly Link Second = new() { Index = 9, Name = "veth9", Kind = "veth", PeerNetns = 1, Generation = 9 };

    private readonly PodLinkMatcher _matcher = new(MonitoredNode.Lookups);

    [Test]
    public void A_second_link_into_the_pods_namespace_is_the_pods_and_one_into_anothers_is_not()
    {
        Coverage coverage = Match(Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2")), Second, MonitoredNode.Pod("a", "10.0.0.1"),
            MonitoredNode.Pod("b", "10.0.0.2"));
        Assert.That(coverage.Pods[0].Links, Is.EqualTo(
        [
            new LinkMatch(Veth1, IPAddress.Parse("10.0.0.1"), FoundBy.Route),
            new LinkMatch(Second, IPAddress.Parse("10.0.0.1"), FoundBy.Sibling),
        ]));
        Assert.That(coverage.Pods[1].Links.Single().Link, Is.EqualTo(Veth2));
    }

    [Test]
    public void What_another_pods_address_leads_to_is_that_pods()
    {
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Second, "10.0.0.2"));
        Coverage coverage = Match(links, Second, MonitoredNode.Pod("a", "10.0.0.1"), MonitoredNode.Pod("b", "10.0.0.2"));
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Name), Is.EqualTo(["veth1", "veth9"]));
        coverage = Match(links, Second with { Index = 10, Name = "veth10", Generation = 10 }, MonitoredNode.Pod("a", "10.0.0.1"),
            MonitoredNode.Pod("b", "10.0.0.2"));
        Assert.That(coverage.Pods.Select(pod => pod.Links.Length), Is.EqualTo([1, 1]), "a third, of a namespace that two pods have");
    }

    [TestCase(true)]
    [TestCase(false)]
    public void An_annotation_takes_no_link_that_leads_to_another_pod(bool knownFirst)
    {
        Pod thief = MonitoredNode.Pod("thief", "10.0.0.2") with { SecondaryIps = [IPAddress.Parse("169.254.172.5")] },
            victim = MonitoredNode.Pod("victim", "10.0.0.1");
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"), (Second, "169.254.172.5"));
        if (knownFirst) Match(links, Second, thief);
        Coverage coverage = Match(links, Second, thief, victim);
        Assert.That(coverage.Pods.Select(pod => string.Join(' ', pod.Links.Select(link => link.Link.Name))),
            Is.EqualTo(["veth2", "veth1 veth9"]));
        Assert.That(coverage.Warnings.Single(), Does.Contain("shop/thief").And.Contain("veth9, which leads to pod shop/victim"));
    }

    [Test]
    public void A_pod_that_sends_from_anothers_address_by_its_second_link_keeps_it()
    {
        // As the neighbour table of a bridge has it then.
        LinkSnapshot links = Routes((Veth1, "10.0.0.1")) with { Neighbours = Neighbours((Second, "10.0.0.2")).Neighbours };
        MatchingRound round = Round(links, Second, MonitoredNode.Pod("spoofer", "10.0.0.1"), MonitoredNode.Pod("victim", "10.0.0.2"));
        Assert.That(round.Coverage.Pods.Select(pod => string.Join(' ', pod.Links.Select(link => link.Link.Name))),
            Is.EqualTo(["veth1 veth9", ""]));
        Assert.That(round.Coverage.Unclaimed, Is.Empty, "nobody is looked for there");
        Assert.That(round.ClaimantOf(Second, IPAddress.Parse("10.9.9.9"))?.Name, Is.EqualTo("spoofer"));
    }

    [Test]
    public void A_further_address_that_a_sibling_may_have_is_not_sought_and_the_warning_says_so()
    {
        Coverage coverage = Match(
            Routes((Veth1, "10.0.0.1")), Second, MonitoredNode.Pod("a", "10.0.0.1") with { SecondaryIps = [IPAddress.Parse("10.5.0.1")] });
        Assert.That(coverage.Sought, Is.Empty);
        Assert.That(coverage.Warnings.Single(), Does.Contain("not mirrored, unless it is the one behind veth9"));
    }

    [Test]
    public void An_annotated_address_gives_no_siblings()
    {
        Pod pod = MonitoredNode.Pod("a", "10.0.0.1") with { SecondaryIps = [IPAddress.Parse("10.5.0.1")] };
        Link other = Second with { PeerNetns = 2 };
        Coverage coverage = Match(Routes((Veth1, "10.0.0.1"), (Veth2, "10.5.0.1")), other, pod);
        Assert.That(coverage.Pods[0].Links.Select(link => link.Link.Name), Is.EqualTo(["veth1", "veth2"]));
    }

    [Test]
    public async Task The_kernel_says_which_links_end_in_one_namespace()
    {
        using var at = new MonitoredNode();
        PodNetwork pod = at.Node.AddRouted("web"), other = at.Node.AddRouted("other");
        at.Node.Namespace.Ip($"link add egress index 700 type veth peer name v4if0 netns {pod.Namespace.Name}");
        await at.UntilAsync("all are there",
            links => links.Links.ContainsKey(700) && links.HostRoutes.ContainsKey(pod.Ipv4) && links.HostRoutes.ContainsKey(other.Ipv4));
        Coverage coverage = _matcher.Match(
            [
                (MonitoredNode.Pod("web", $"{pod.Ipv4}"), MonitoredNode.Rule),
                (MonitoredNode.Pod("other", $"{other.Ipv4}"), MonitoredNode.Rule),
            ],
            at.Snapshot).Coverage;
        Assert.That(coverage.Pods.Select(of => string.Join(' ', of.Links.Select(link => link.Link.Index))),
            Is.EqualTo([$"{other.HostIndex}", $"{pod.HostIndex} 700"]));
    }

    private Coverage Match(LinkSnapshot links, Link further, params Pod[] pods) => Round(links, further, pods).Coverage;

    private MatchingRound Round(LinkSnapshot links, Link further, params Pod[] pods) => _matcher.Match(
        pods.Select(pod => (pod, (MirrorRule?)MonitoredNode.Rule)), links with { Links = links.Links.SetItem(further.Index, further) });
}
