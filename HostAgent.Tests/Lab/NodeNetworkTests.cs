using System.Net.Sockets;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Lab;

/// <summary>The test network itself: its pods reach each other, and its witness tells good from bad.</summary>
[TestFixture]
[Parallelizable]
internal sealed class NodeNetworkTests
{
    [Test]
    public async Task Every_kind_of_traffic_crosses_routed_and_bridged_pods()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), web = node.AddBridged("web"), dns = node.AddBridged("dns");

        Assert.That(await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 4_000_000, default), Is.EqualTo(4_000_000));
        Assert.That(await SmallUdp.RunAsync(web, api, api.Ipv4, 5000, 100, 64, default), Is.EqualTo(101));
        Assert.That(await DnsQueries.RunAsync(web, dns, dns.Ipv4, 1000, 20, default), Is.EqualTo(20));
        Assert.That(await ShortHttp.RunAsync(db, web, web.Ipv4, 1000, 20, default), Is.EqualTo(20));
        if (NodeNetwork.HasIpv6)
        {
            Assert.That(await BulkTcp.RunAsync(web, api, api.Ipv6!, 1e9, 4_000_000, default), Is.EqualTo(4_000_000));
            Assert.That(await DnsQueries.RunAsync(web, dns, dns.Ipv6!, 1000, 20, default), Is.EqualTo(20));
        }
    }

    [Test]
    public async Task Offload_makes_super_frames_with_unfinished_checksums_and_without_it_none()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db");
        await using (LinkCapture capture = await LinkCapture.StartAsync(api, "tcp"))
        {
            await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 4_000_000, default);
            IReadOnlyList<DecodedFrame> frames = await capture.StopAsync();
            Assert.That(frames.Max(frame => frame.Bytes.Length), Is.GreaterThan(1514));
            Assert.That(frames.SelectMany(frame => frame.BadChecksums), Does.Contain("tcp.checksum.status[0]"));
            int[] ports = [.. frames.Where(frame => frame.Integer("tcp.len") > 0).Select(frame => frame.Integer("tcp.srcport")).Distinct()];
            Assert.That(DecodedFrames.TcpPayload(frames, ports.Single(), frames[0].Integer("tcp.dstport")), Has.Length.EqualTo(4_000_000));
        }

        api.DisableOffload();
        db.DisableOffload();
        await using (LinkCapture capture = await LinkCapture.StartAsync(api, "tcp"))
        {
            await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 400_000, default);
            IReadOnlyList<DecodedFrame> frames = await capture.StopAsync();
            Assert.That(frames.Max(frame => frame.Bytes.Length), Is.EqualTo(1514));
            Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        }
    }

    [Test]
    public async Task Captures_on_both_ends_of_a_link_hold_the_same_frames()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), web = node.AddBridged("web");
        await using LinkCapture inside = await LinkCapture.StartAsync(web, "udp or arp");
        await using LinkCapture outside = await LinkCapture.StartAsync(node.Namespace, web.HostLink, "udp or arp");
        await SmallUdp.RunAsync(web, api, api.Ipv4, 20000, 2000, 64, default);
        byte[][] crossed = [.. (await inside.StopAsync()).Select(frame => frame.Bytes)];
        Assert.That(crossed, Has.Length.GreaterThanOrEqualTo(2001));
        DecodedFrames.AssertSame(crossed, (await outside.StopAsync()).Select(frame => frame.Bytes));
    }

    [Test]
    public async Task An_injected_frame_crosses_the_link_as_it_is()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("api");
        byte[] frame = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, .. new byte[60]];
        await using LinkCapture capture = await LinkCapture.StartAsync(node.Namespace, pod.HostLink, "ether proto 0x88b5");
        using (Socket socket = pod.Namespace.Run(() => PacketSocket.Open(PodNetwork.Link, receive: false)))
            Assert.That(socket.Send(frame), Is.EqualTo(frame.Length));
        IReadOnlyList<DecodedFrame> seen = await capture.StopAsync();
        Assert.That(seen.Select(decoded => Convert.ToHexString(decoded.Bytes)), Is.EqualTo([Convert.ToHexString(frame)]));
    }

    [Test]
    public void A_probed_bridged_pod_is_in_the_neighbour_table_and_a_removed_pod_is_gone()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddBridged("web");
        node.Probe(pod);
        Assert.That(node.Namespace.Ip($"neigh show {pod.Ipv4}"), Does.Contain("lladdr"));
        Assert.That(node.Namespace.Ip("-o link show"), Does.Contain($"{pod.HostIndex}: {pod.HostLink}@"));
        node.Remove(pod);
        Assert.That(node.Namespace.Ip("-o link show"), Does.Not.Contain(pod.HostLink));
    }
}
