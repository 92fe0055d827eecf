using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

/// <summary>The host's end of a pod's link is taken elsewhere while the pod lives.</summary>
[TestFixture]
[Parallelizable]
internal sealed class MovedLinkTests
{
    [Test]
    public async Task To_another_bridge_it_stays_the_pods_and_is_of_that_bridge()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddBridged("api");
        Pod pod = MonitoredNode.Pod("api", $"{net.Ipv4}");
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        at.Node.Probe(net);
        int before = (await at.CapturedAsync(matcher, pod)).Links.Single().Link.Master;
        at.Node.Namespace.IpBatch("link add other type bridge", "link set other up", $"link set {net.HostLink} master other");
        await at.UntilAsync("the link is a port of the other", links => links.Links[net.HostIndex].Master == at.Named("other")?.Index);
        LinkMatch match = at.Cover(matcher, pod).Links.Single();
        Assert.That((match.Link.Index, match.Link.Master), Is.EqualTo((net.HostIndex, at.Named("other")!.Index)));
        Assert.That(match.Link.Master, Is.Not.EqualTo(before));
    }

    [Test]
    public async Task Into_another_namespace_and_back_it_is_lost_and_found_again()
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("api");
        Pod pod = MonitoredNode.Pod("api", $"{net.Ipv4}");
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        await at.CapturedAsync(matcher, pod);
        at.Node.Namespace.Ip($"link set {net.HostLink} netns {at.Node.World.Name}");
        await Eventually.ThatAsync(() => at.Cover(matcher, pod).State == PodState.Pending, "the pod waits for a link");
        at.Node.World.Ip($"link set {net.HostLink} netns {at.Node.Namespace.Name}");
        at.Node.Namespace.IpBatch($"link set {net.HostLink} up", $"route add {net.Ipv4}/32 dev {net.HostLink} scope link");
        LinkMatch match = (await at.CapturedAsync(matcher, pod)).Links.Single();
        Assert.That(match.Link.Name, Is.EqualTo(net.HostLink));
    }
}
