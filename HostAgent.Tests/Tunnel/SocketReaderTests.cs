using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A sensor that receives on a UDP socket: what the socket gets, decoded by tshark, is what the pods said.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SocketReaderTests
{
    private static readonly SensorPolicy Sockets = new() { Reads = SensorReads.Socket };

    [TestCase(false, 9000)]
    [TestCase(true, 9000)]
    [TestCase(false, 1500)]
    [TestCase(true, 1500)]
    public async Task All_frames_arrive_with_their_payload(bool v6, int mtu)
    {
        using var node = new MirroredNode(mtu) { Policy = Sockets };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        using var sensor = new UdpSensor(node.Sensor.Namespace, v6 ? node.Sensor.Ipv6! : node.Sensor.Ipv4, 4789);
        await using LinkCapture wire = await node.SniffSocketAsync(), pod = await LinkCapture.StartAsync(api, "tcp or udp");
        node.Mirror([node.EndpointOf(node.Sensor, v6)], (api, 33), (db, 33));
        const int Bytes = 2_000_000;
        await BulkTcp.RunAsync(api, db, v6 ? db.Ipv6! : db.Ipv4, 1e9, Bytes, default);
        await ShortHttp.RunAsync(db, api, api.Ipv4, 1000, 60, default);
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 20, size: 1472);
        await node.SettledAsync();
        node.Mirror([node.EndpointOf(node.Sensor, v6)]);
        LedgerSnapshot ledger = await node.SettledAsync();
        Assert.That(ledger.Lost(LossReason.SendError), Is.Zero);
        await Eventually.ThatAsync(() => sensor.Received.Count == ledger.Segments, $"the socket has {ledger.Segments} datagrams");

        // 16 ports for some 80 flows, the VXLAN header as RFC 7348 has it, and what is inside as a file of its own for tshark.
        int[] ports = [.. sensor.Received.Select(received => received.Port).Distinct()];
        Assert.That(ports, Is.SubsetOf(Enumerable.Range(49152, 16)).And.Length.GreaterThanOrEqualTo(12));
        Assert.That(sensor.Received.Select(received => Convert.ToHexStringLower(received.Datagram[..8])).Distinct(),
            Is.EqualTo(["0800000000002100"]));
        IReadOnlyList<DecodedFrame> inner = await Pcap.DecodeAsync(sensor.Received.Select(received => received.Datagram[8..]));
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(wire.StopAsync(), pod.StopAsync());
        Assert.That(inner.SelectMany(frame => frame.BadChecksums), Is.Empty);
        DecodedFrame first = captured[1].First(frame => frame.Integer("tcp.len") > 1000);
        byte[] crossed = DecodedFrames.TcpPayload(captured[1], first.SourceTcp(), first.DestinationTcp());
        Assert.That(crossed, Has.Length.EqualTo(Bytes));
        Assert.That(crossed.AsSpan().SequenceEqual(DecodedFrames.TcpPayload(inner, first.SourceTcp(), first.DestinationTcp())),
            "the payload of the bulk connection");
        // A busy machine may retransmit some; then they crossed the pod's link too.
        Assert.That(inner.Count(IsRequest), Is.EqualTo(captured[1].Count(IsRequest)).And.GreaterThanOrEqualTo(60), "SYNs of 60 requests");
        Assert.That(inner.Count(frame => frame.Last("udp.dstport") == "7002"), Is.EqualTo(20));
        Assert.That(ledger.Fragmented, mtu == 9000 ? Is.Zero : Is.GreaterThanOrEqualTo(40), "full-size datagrams, both ways");

        static bool IsRequest(DecodedFrame frame) => frame.Last("tcp.dstport") == "80" && frame.Last("tcp.flags") == "0x0002";

        // Super-datagrams of the tunnel cross a veth as such; each on its own has a checksum, which the receiving kernel verified or the
        // veth waived.
        Assert.That(captured[0].Select(frame => frame.First(v6 ? "ipv6.dst" : "ip.dst")).Distinct(),
            Is.EqualTo([$"{(v6 ? node.Sensor.Ipv6 : node.Sensor.Ipv4)}"]));
    }

    [Test]
    public async Task On_a_wire_without_offload_every_datagram_has_a_right_checksum()
    {
        using var node = new MirroredNode { Policy = Sockets };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Node.Namespace.Exec(
            "ethtool", "-K", node.Sensor.HostLink, "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off");
        using var sensor = new UdpSensor(node.Sensor.Namespace, node.Sensor.Ipv4, 4789);
        await using LinkCapture wire = await node.SniffSocketAsync();
        node.Mirror(34, api, db);
        await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 1_000_000, default);
        await node.SettledAsync();
        node.Mirror(34);
        LedgerSnapshot ledger = await node.SettledAsync();
        Assert.That(ledger.Lost(LossReason.SendError), Is.Zero);
        await Eventually.ThatAsync(() => sensor.Received.Count == ledger.Segments, $"the socket has {ledger.Segments} datagrams");
        IReadOnlyList<DecodedFrame> datagrams = await wire.StopAsync();
        Assert.That(datagrams, Has.Count.EqualTo(ledger.Segments));
        Assert.That(datagrams.SelectMany(datagram => datagram.BadChecksums), Is.Empty);
        Assert.That(datagrams.Select(datagram => datagram.First("udp.checksum")), Has.None.EqualTo("0x0000"));
        TunnelJudge.Flows(datagrams);
    }

    [Test]
    public async Task With_nobody_listening_the_frames_flow_on_and_a_listener_gets_the_next()
    {
        using var node = new MirroredNode { Policy = Sockets };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Silence(api);
        node.Silence(db);
        node.Mirror(35, api);
        for (int i = 0; i < 50; i++)
        {
            LedgerSnapshot before = node.Ledger;
            UdpTalk.Echo(api, db, db.Ipv4, 7100 + i, count: 2);
            await node.SettledAsync(before.Seen + 4);
        }

        LedgerSnapshot refused = await node.SettledAsync(200);
        Assert.That(refused.Delivered + refused.Losses.Sum(), Is.EqualTo(refused.Seen));
        Assert.That(refused.Losses.Sum(), Is.EqualTo(refused.Lost(LossReason.SendError)),
            "whatever is lost, is lost because it was refused");

        using var sensor = new UdpSensor(node.Sensor.Namespace, node.Sensor.Ipv4, 4789);
        UdpTalk.Echo(api, db, db.Ipv4, 7200, count: 40);
        LedgerSnapshot heard = await node.SettledAsync(refused.Seen + 80);
        // A last answer to an earlier datagram may still be pending on the flow's socket.
        await Eventually.ThatAsync(
            () => sensor.Received.Count == heard.Delivered - refused.Delivered, "the listener has what was delivered since");
        Assert.That(heard.Delivered - refused.Delivered, Is.GreaterThanOrEqualTo(79));
    }
}
