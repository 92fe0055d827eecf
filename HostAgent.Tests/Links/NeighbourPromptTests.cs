using System.Net;
using HostAgent.Lab;
using HostAgent.Links;

namespace HostAgent.Tests.Links;

public sealed class NeighbourPromptTests
{
    [TestCase(false)]
    [TestCase(true)]
    public async Task A_pod_behind_a_bridge_that_has_never_spoken_becomes_a_neighbour(bool ipv6)
    {
        using var at = new MonitoredNode();
        PodNetwork pod = at.Node.AddBridged("silent");
        if (ipv6 && pod.Ipv6 is null) Assert.Ignore("this kernel has no IPv6");
        IPAddress address = ipv6 ? pod.Ipv6! : pod.Ipv4;
        await at.UntilAsync("the link is there", links => links.Links.ContainsKey(pod.HostIndex));
        Assert.That(new NeighbourLookup().Find(address, at.Snapshot).Link, Is.Null);
        var prompt = new NeighbourPrompt();
        await at.UntilAsync("it is found", links =>
        {
            at.Node.Namespace.Run(() =>
            {
                prompt.Ask([address]);
                return 0;
            });
            return new NeighbourLookup().Find(address, links).Link?.Index == pod.HostIndex;
        });
    }

    [Test]
    public void What_cannot_be_reached_is_no_failure()
    {
        using var at = new MonitoredNode();
        at.Node.Namespace.Run(() =>
        {
            new NeighbourPrompt().Ask([IPAddress.Parse("203.0.113.9"), IPAddress.Parse("2001:db8::9")]);
            return 0;
        });
    }
}
