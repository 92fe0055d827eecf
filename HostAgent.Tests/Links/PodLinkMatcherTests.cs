using System.Net;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using static HostAgent.Tests.Links.HandMadeLinks;

namespace HostAgent.Tests.Links;

/// <summary>Who gets a link, and what is said of the others, over snapshots such as the monitor publishes.</summary>
public sealed class PodLinkMatcherTests
{
    private readonly HandClock _clock = new();
    private PodLinkMatcher _matcher = null!;

    [SetUp]
    public void SetUp() => _matcher = new PodLinkMatcher([new RouteLookup(), new NeighbourLookup()], _clock);

    [Test]
    public void Every_pod_is_in_exactly_one_state_with_a_reason_unless_captured()
    {
        LinkSnapshot links = Routes((Veth1, "10.0.0.1"), (Veth2, "10.0.0.9"));
        Pod api = MonitoredNode.Pod("api", "10.0.0.1");
        Coverage coverage = _matcher.Match(
            [
                (api, MonitoredNode.Rule),
                (MonitoredNode.Pod("unselected", "10.0.0.9"), null),
                (MonitoredNode.Pod("host", "192.0.2.1") with { HostNetwork = true }, MonitoredNode.Rule),
                (MonitoredNode.Pod("done", "10.0.0.1") with { Phase = PodPhase.Succeeded }, MonitoredNode.Rule),
                (MonitoredNode.Pod("starting"), MonitoredNode.Rule),
                (MonitoredNode.Pod("linkless", "10.0.0.7"), MonitoredNode.Rule),
            ],
            links).Coverage;
        Assert.That(coverage.Pods.Select(pod => $"{pod.Pod.Name} {pod.State}"), Is.EqualTo(
            ["api Captured", "done NotSelected", "host Unsupported", "linkless Pending", "starting Pending", "unselected NotSelected"]));
        Assert.That(coverage.Pods.Where(pod => pod.State != PodState.Captured).Select(pod => pod.Reason), Is.All.Not.Empty);
        Assert.That(coverage.Pods[0],
            Is.EqualTo(new PodCoverage(api, MonitoredNode.Rule, PodState.Captured, null, coverage.Pods[0].Links)));
        Assert.That(coverage.Pods[0].Links, Is.EqualTo([new LinkMatch(Veth1, IPAddress.Parse("10.0.0.1"), FoundBy.Route)]));
        Assert.That(coverage.Pods[1].Reason, Does.Contain("Succeeded"));
        Assert.That(coverage.Pods[2].Reason, Does.Contain("host network"));
        Assert.That(coverage.Pods[3].Reason, Does.Contain("10.0.0.7").And.Contain("no host route").And.Contain("no neighbour entry"));
        Assert.That(coverage.Warnings, Is.Empty);
    }

    [Test]
    public void Two_addresses_on_one_link_are_one_entry_and_on_two_links_two()
    {
        Pod dual = MonitoredNode.Pod("dual", "10.0.0.1", "fd00::1") with { SecondaryIps = [IPAddress.Parse("10.5.0.1")] };
        PodCoverage coverage = One(dual, Routes((Veth1, "10.0.0.1"), (Veth1, "fd00::1"), (Veth2, "10.5.0.1")));
        Assert.That(coverage.Links.Select(link => $"{link.Link.Name} {link.Ip}"), Is.EqualTo(["veth1 10.0.0.1", "veth2 10.5.0.1"]));
    }

    [Test]
    public void The_sensors_link_is_never_captured()
    {
        Coverage coverage = _matcher.Match([(MonitoredNode.Pod("zeek", "10.0.0.1"), MonitoredNode.Rule)], Routes((Veth1, "10.0.0.1")))
            .Coverage.WithoutSensors([Veth1.Index]);
        Assert.That(coverage.Pods[0].State, Is.EqualTo(PodState.NotSelected));
        Assert.That(coverage.Pods[0].Reason, Does.Contain("sensor's own"));
    }

    [Test]
    public void A_new_pod_gets_the_new_link_of_a_terminating_ones_address_the_old_keeps_its_own()
    {
        Pod old = MonitoredNode.Pod("old", "10.0.0.1"), young = MonitoredNode.Pod("young", "10.0.0.1");
        Assert.That(One(old, Routes((Veth1, "10.0.0.1"))).State, Is.EqualTo(PodState.Captured));
        old = old with { Terminating = true };

        // The old link is still there for a moment.
        LinkSnapshot both = Routes((Veth2, "10.0.0.1")) with { Links = Indexed(Veth1, Veth2) };
        Coverage coverage = _matcher.Match([(old, MonitoredNode.Rule), (young, MonitoredNode.Rule)], both).Coverage;
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Name), Is.EqualTo(["veth1", "veth2"]));

        coverage = _matcher.Match([(old, MonitoredNode.Rule), (young, MonitoredNode.Rule)], Routes((Veth2, "10.0.0.1"))).Coverage;
        Assert.That(coverage.Pods.Select(pod => pod.State), Is.EqualTo([PodState.Pending, PodState.Captured]));
        Assert.That(coverage.Pods[0].Reason, Does.Contain("shop/young"));
    }

    [Test]
    public void A_terminating_pod_whose_link_is_gone_gets_no_other_even_with_no_new_pod_known()
    {
        Pod old = MonitoredNode.Pod("old", "10.0.0.1");
        One(old, Routes((Veth1, "10.0.0.1")));
        PodCoverage coverage = One(old with { Terminating = true }, Routes((Veth2, "10.0.0.1")));
        _clock.Advance(TimeSpan.FromMinutes(1));
        coverage = One(old with { Terminating = true }, Routes((Veth2, "10.0.0.1")));
        Assert.That(coverage.State, Is.EqualTo(PodState.Pending));
        Assert.That(coverage.Reason, Does.Contain("terminating"));
    }

    [Test]
    public void A_link_that_replaces_another_is_believed_once_the_api_had_time_to_contradict_it()
    {
        Pod pod = MonitoredNode.Pod("api", "10.0.0.1");
        One(pod, Routes((Veth1, "10.0.0.1")));
        Coverage coverage = _matcher.Match([(pod, MonitoredNode.Rule)], Routes((Veth2, "10.0.0.1"))).Coverage;
        Assert.That(coverage.Pods[0].State, Is.EqualTo(PodState.Pending));
        Assert.That(coverage.RecheckAfter, Is.EqualTo(PodLinkMatcher.Settle));
        _clock.Advance(PodLinkMatcher.Settle);
        coverage = _matcher.Match([(pod, MonitoredNode.Rule)], Routes((Veth2, "10.0.0.1"))).Coverage;
        Assert.That(coverage.Pods[0].Links.Single().Link, Is.EqualTo(Veth2));
        Assert.That(coverage.RecheckAfter, Is.Null);
    }

    [Test]
    public void A_new_pod_does_not_get_the_old_pods_link_when_the_api_is_faster_than_the_kernel()
    {
        Pod old = MonitoredNode.Pod("old", "10.0.0.1"), young = MonitoredNode.Pod("young", "10.0.0.1");
        One(old, Routes((Veth1, "10.0.0.1")));
        // The old pod has left the API; the old link is still in the snapshot.
        Coverage early = _matcher.Match([(young, MonitoredNode.Rule)], Routes((Veth1, "10.0.0.1"))).Coverage;
        Assert.That(early.Pods.Single().State, Is.EqualTo(PodState.Pending));
        Assert.That(early.RecheckAfter, Is.EqualTo(PodLinkMatcher.Settle));
        Assert.That(One(young, Routes((Veth2, "10.0.0.1"))).Links.Single().Link, Is.EqualTo(Veth2), "its own link is believed at once");
    }

    [Test]
    public void An_ifindex_given_to_another_link_is_not_the_old_pods()
    {
        Pod old = MonitoredNode.Pod("old", "10.0.0.1"), young = MonitoredNode.Pod("young", "10.0.0.2");
        One(old, Routes((Veth1, "10.0.0.1")));
        Coverage coverage = _matcher.Match(
            [(old, MonitoredNode.Rule), (young, MonitoredNode.Rule)], Routes((Veth1 with { Generation = 9 }, "10.0.0.2"))).Coverage;
        Assert.That(coverage.Pods.Select(pod => pod.State), Is.EqualTo([PodState.Pending, PodState.Captured]));
    }

    [Test]
    public void Of_two_live_pods_with_one_address_the_later_has_it_of_two_at_the_start_neither()
    {
        Pod one = MonitoredNode.Pod("one", "10.0.0.1"), two = MonitoredNode.Pod("two", "10.0.0.1");
        Coverage unknown = _matcher.Match([(one, MonitoredNode.Rule), (two, MonitoredNode.Rule)], Routes((Veth1, "10.0.0.1"))).Coverage;
        Assert.That(unknown.Pods.Select(pod => pod.State), Is.All.EqualTo(PodState.Pending));
        Assert.That(unknown.Warnings.Single(), Does.Contain("shop/one").And.Contain("shop/two").And.Contain("neither"));

        SetUp();
        _matcher.Match([(one, MonitoredNode.Rule)], LinkSnapshot.Empty);
        Coverage known = _matcher.Match([(one, MonitoredNode.Rule), (two, MonitoredNode.Rule)], Routes((Veth1, "10.0.0.1"))).Coverage;
        Assert.That(known.Pods.Select(pod => pod.State), Is.EqualTo([PodState.Pending, PodState.Captured]));
        Assert.That(known.Warnings, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_spoofed_mac_neither_takes_a_link_from_a_pod_nor_gives_it_away()
    {
        Pod victim = MonitoredNode.Pod("victim", "10.0.0.1"), thief = MonitoredNode.Pod("thief", "10.0.0.2");
        (Pod, MirrorRule?)[] pods = [(victim, MonitoredNode.Rule), (thief, MonitoredNode.Rule)];
        LinkSnapshot honest = Neighbours((Veth1, "10.0.0.1"), (Veth2, "10.0.0.2"));
        LinkSnapshot spoofed = Neighbours((Veth2, "10.0.0.1"), (Veth2, "10.0.0.2")) with { Links = honest.Links };
        _matcher.Match(pods, honest);
        Coverage after = _matcher.Match(pods, spoofed).Coverage;
        Assert.That(after.Pods.Select(pod => $"{pod.Pod.Name} {pod.Links.Single().Link.Name}"),
            Is.EqualTo(["thief veth2", "victim veth1"]));
        Assert.That(after.Warnings.Single(), Does.Contain("10.0.0.1 is behind veth1").And.Contain("behind veth2"));

        // Also when the victim's own link is known by nothing better, and the thief is not even in scope.
        SetUp();
        _matcher.Match([(thief, null)], honest);
        after = _matcher.Match([(victim, MonitoredNode.Rule), (thief, null)], spoofed).Coverage;
        Assert.That(after.Pods.Single(pod => pod.Pod.Name == "victim").State, Is.EqualTo(PodState.Pending));
        Assert.That(after.Warnings.Single(), Does.Contain("both seem to be behind veth2"));
    }

    [Test]
    public void A_stronger_answer_replaces_a_weaker_one_and_the_disagreement_is_reported()
    {
        Pod pod = MonitoredNode.Pod("api", "10.0.0.1");
        Assert.That(One(pod, Neighbours((Veth1, "10.0.0.1"))).Links.Single().FoundBy, Is.EqualTo(FoundBy.Neighbour));
        LinkSnapshot agreed = Neighbours((Veth1, "10.0.0.1")) with { HostRoutes = Routes((Veth1, "10.0.0.1")).HostRoutes };
        Assert.That(One(pod, agreed).Links.Single().FoundBy, Is.EqualTo(FoundBy.Route));

        SetUp();
        One(pod, Neighbours((Veth1, "10.0.0.1")));
        LinkSnapshot contrary = Neighbours((Veth1, "10.0.0.1")) with
        {
            Links = Indexed(Veth1, Veth2),
            HostRoutes = Routes((Veth2, "10.0.0.1")).HostRoutes,
        };
        Coverage coverage = _matcher.Match([(pod, MonitoredNode.Rule)], contrary).Coverage;
        Assert.That(coverage.Pods[0].Links.Single(), Is.EqualTo(new LinkMatch(Veth2, pod.Ips[0], FoundBy.Route)));
        Assert.That(coverage.Warnings.Single(), Does.Contain("by route").And.Contain("by neighbour"));
    }

    private PodCoverage One(Pod pod, LinkSnapshot links) => _matcher.Match([(pod, MonitoredNode.Rule)], links).Coverage.Pods.Single();
}
