using System.Net;
using System.Net.Sockets;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Links;

/// <summary>The mirror on a pod whose frames arrive past its link, as some plugins' eBPF programs deliver them.</summary>
public sealed class OneDirectionTests
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task A_pod_that_is_answered_past_its_link_is_recognised_and_an_ordinary_one_is_not(bool past)
    {
        using var at = new MonitoredNode();
        PodNetwork net = at.Node.AddRouted("api");
        // A second link, by which the node reaches the pod; the pod goes on sending by its first.
        string entry = past ? "other" : net.HostLink;
        at.Node.Namespace.Ip($"link add other type veth peer name eth1 netns {net.Namespace.Name}");
        at.Node.Namespace.IpBatch("link set other up", $"route replace {net.Ipv4}/32 dev {entry} scope link");
        net.Namespace.Ip("link set eth1 up");
        await at.UntilAsync("the link is there", links => links.Links.TryGetValue(net.HostIndex, out Link? link) && link.Up);

        Pod pod = MonitoredNode.Pod("api", net.Ipv4.ToString());
        Coverage coverage = Coverage.Empty with
        {
            Pods = [new PodCoverage(
                pod, MonitoredNode.Rule, PodState.Captured, null,
                [new LinkMatch(at.Snapshot.Links[net.HostIndex], net.Ipv4, FoundBy.Learning)])],
        };
        using Mirror mirror = at.Node.Namespace.Run(() =>
            new Mirror(new RingCaptureFactory(new CaptureOptions { RingBytes = 4 << 20 }), 1, NullLogger.Instance));
        var nobody = new SensorStatus(SensorState.Missing, SensorReads.Sniff, [], "none");
        mirror.Apply(coverage.Pods, nobody, new SensorPolicy { Address = IPAddress.Loopback });
        try
        {
            await TalkAsync(at, net, mirror);
            Coverage marked = new OneWayDetector().Mark(coverage, mirror.Directions);
            Assert.That(marked.Pods[0].Links[0].OneWay, Is.EqualTo(past));
            Assert.That(marked.Warnings, Has.Length.EqualTo(past ? 1 : 0));
        }
        finally
        {
            // Ends the mirror's threads, which read the ring until then.
            mirror.Drain(TimeSpan.FromSeconds(3));
        }
    }

    private static async Task TalkAsync(MonitoredNode at, PodNetwork net, Mirror mirror)
    {
        using Socket listener = net.Listen(net.Ipv4, 0);
        using Socket client = at.Node.World.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint!);
        using Socket served = await listener.AcceptAsync();
        byte[] one = [1];
        for (int i = 0; i < OneWayDetector.Enough; i++)
        {
            // There and back, so that every byte makes a segment of its own.
            await client.SendAsync(one);
            await served.ReceiveAsync(one);
            await served.SendAsync(one);
            await client.ReceiveAsync(one);
        }

        Link link = at.Snapshot.Links[net.HostIndex];
        await Eventually.ThatAsync(() => mirror.Directions(link)?.AnsweredFromPod >= OneWayDetector.Enough, "enough is counted");
    }
}
