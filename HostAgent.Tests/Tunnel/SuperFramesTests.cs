using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Real stacks with offload: TCP and UDP_SEGMENT, to sensors with room and without.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SuperFramesTests
{
    private const int SolUdp = 17, UdpSegment = 103;

    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [TestCase(false)]
    [TestCase(true)]
    public async Task Bulk_TCP_arrives_as_valid_segments_with_the_payload_that_crossed(bool v6)
    {
        const int Bytes = 6_000_000;
        IPAddress address = v6 ? _db.Ipv6! : _db.Ipv4;
        _node.Mirror([_node.EndpointOf(_node.Sensor, v6)], (_api, 1), (_db, 1));
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture pod = await LinkCapture.StartAsync(_api, "tcp"), sensor = await _node.SniffAsync();
        Assert.That(await BulkTcp.RunAsync(_api, _db, address, 1e9, Bytes, default), Is.EqualTo(Bytes));
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + 1);

        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(pod.StopAsync(), sensor.StopAsync());
        Assert.That(captured[0].Max(frame => frame.Bytes.Length), Is.GreaterThan(9000), "super-frames on the pod's link");
        IReadOnlyList<DecodedFrame> datagrams = [.. TunnelJudge.Judge(captured[1]).Where(TunnelJudge.IsTcpOrUdp)];
        Assert.That(datagrams.Max(datagram => datagram.Inner.Length), Is.EqualTo(1514), "cut as the wire would have them");
        DecodedFrame first = captured[0].First(frame => frame.Integer("tcp.len") > 0);
        byte[] crossed = DecodedFrames.TcpPayload(captured[0], first.SourceTcp(), first.DestinationTcp());
        Assert.That(crossed, Has.Length.EqualTo(Bytes));
        Assert.That(crossed.AsSpan().SequenceEqual(DecodedFrames.TcpPayload(datagrams, first.SourceTcp(), first.DestinationTcp())),
            "the payload");
        TunnelJudge.Flows(datagrams);
        Assert.That(after.Segments - before.Segments, Is.GreaterThan(after.Delivered - before.Delivered));
        Assert.That(after.Losses.Sum() - after.Lost(LossReason.Duplicate),
            Is.EqualTo(before.Losses.Sum() - before.Lost(LossReason.Duplicate)));

        // What no segment but a connection's last may carry, and what only a super-frame's last may: all payload is acknowledged in order.
        // A busy kernel may send its last one again.
        Assert.That(datagrams.Where(datagram => Fin(datagram) && datagram.Last("tcp.srcport") == first.First("tcp.srcport"))
            .Select(datagram => uint.Parse(datagram.Last("tcp.seq_raw")!) + uint.Parse(datagram.Last("tcp.len")!)).Distinct().Count(),
            Is.EqualTo(1));
        Assert.That(datagrams.Where(datagram => datagram.Last("tcp.len") == (v6 ? "1428" : "1448")).Count(Push),
            Is.LessThan(datagrams.Count / 4));

        static bool Fin(DecodedFrame datagram) => (Convert.ToInt32(datagram.Last("tcp.flags"), 16) & 1) != 0;
        static bool Push(DecodedFrame datagram) => (Convert.ToInt32(datagram.Last("tcp.flags"), 16) & 8) != 0;
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Bulk_TCP_arrives_in_larger_segments_where_the_policy_allows_them(bool v6)
    {
        const int Bytes = 6_000_000;
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Policy = new SensorPolicy { Segments = SegmentLimit.Link };
        node.Mirror([node.EndpointOf(node.Sensor, v6)], (api, 1));
        await using LinkCapture pod = await LinkCapture.StartAsync(api, "tcp"), sensor = await node.SniffAsync();
        await BulkTcp.RunAsync(api, db, v6 ? db.Ipv6! : db.Ipv4, 1e9, Bytes, default);
        LedgerSnapshot ledger = await node.SettledAsync(1);

        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(pod.StopAsync(), sensor.StopAsync());
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured[1]).Where(TunnelJudge.IsTcpOrUdp)];
        DecodedFrame first = captured[0].First(frame => frame.Integer("tcp.len") > 0);
        int from = first.SourceTcp(), to = first.DestinationTcp(), wire = v6 ? 1428 : 1448;
        byte[] crossed = DecodedFrames.TcpPayload(captured[0], from, to);
        Assert.That(crossed, Has.Length.EqualTo(Bytes));
        Assert.That(crossed.AsSpan().SequenceEqual(DecodedFrames.TcpPayload(datagrams, from, to)), "the payload");

        // Each super-frame became whole segments of the wire's, its own rest last.
        DecodedFrame[] supers = [.. captured[0].Where(frame => frame.Integer("tcp.len") > wire)];
        int[] lengths = [.. datagrams.Select(datagram => (int)TunnelJudge.Number(datagram, "tcp.len")).Where(length => length > wire)];
        Assert.That(lengths, Has.Length.GreaterThan(Bytes / 9000));
        Assert.That(lengths.Count(length => length % wire != 0), Is.LessThanOrEqualTo(supers.Length));
        Assert.That(lengths.Max(), Is.GreaterThanOrEqualTo(5 * wire));
        Assert.That(ledger.Merged, Is.EqualTo(lengths.Sum(length => (length + wire - 1) / wire)));
        Assert.That(ledger.Losses.Sum(), Is.Zero);
    }

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public async Task Super_frames_arrive_whole_on_loopback_where_the_policy_allows_it(string address)
    {
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Policy = new SensorPolicy { Segments = SegmentLimit.Link };
        node.Mirror([node.Loopback(IPAddress.Parse(address))], (api, 1));
        await using LinkCapture pod = await LinkCapture.StartAsync(api, "tcp"),
            sensor = await LinkCapture.StartAsync(node.Node.Namespace, "lo", MirroredNode.TunnelFrames);
        await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 6_000_000, default);
        LedgerSnapshot ledger = await node.SettledAsync(1);

        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(pod.StopAsync(), sensor.StopAsync());
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured[1], mtu: 65536).Where(TunnelJudge.IsTcpOrUdp)];
        // Checksums that offload left unfinished are the only difference.
        DecodedFrames.AssertSame(
            captured[0].Select(frame => WithoutChecksum(frame.Bytes)), datagrams.Select(datagram => WithoutChecksum(datagram.Inner)));
        Assert.That(ledger.Segments, Is.EqualTo(ledger.Delivered));
        Assert.That(ledger.Merged, Is.GreaterThan(ledger.Delivered));

        static byte[] WithoutChecksum(byte[] frame)
        {
            byte[] bytes = [.. frame];
            bytes.AsSpan(34 + 16, 2).Clear();
            return bytes;
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_UDP_super_datagram_from_a_socket_arrives_as_the_datagrams_that_were_meant(bool v6)
    {
        IPAddress address = v6 ? _db.Ipv6! : _db.Ipv4;
        _node.Mirror(2, _api, _db);
        await using LinkCapture sensor = await _node.SniffAsync();
        byte[] payload = new byte[25 * 1200 + 17];
        new Random(3).NextBytes(payload);
        using Socket receiver = _db.OpenSocket(address, SocketType.Dgram), sender = _api.OpenSocket(address, SocketType.Dgram);
        receiver.Bind(new IPEndPoint(address, 7001));
        sender.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(1200));
        LedgerSnapshot before = await _node.SettledAsync();
        sender.SendTo(payload, new IPEndPoint(address, 7001));
        await _node.SettledAsync(before.Seen + 2);
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sensor.StopAsync())
            .Where(datagram => datagram.Last("udp.dstport") == "7001")];
        Assert.That(datagrams, Has.Length.EqualTo(26));
        Assert.That(datagrams.SelectMany(datagram => datagram.InnerUdpPayload()), Is.EqualTo(payload));
    }

    [Test]
    public async Task Jumbo_pods_come_whole_where_there_is_room()
    {
        using var node = new MirroredNode(sensorMtu: 9100);
        PodNetwork one = node.Node.AddRouted("one", 9000), two = node.Node.AddRouted("two", 9000);
        one.DisableOffload();
        two.DisableOffload();
        node.Mirror(3, one, two);
        string mac = MirroredNode.MacOf(one);
        await using LinkCapture pod = await LinkCapture.StartAsync(one, "tcp or udp"), sensor = await node.SniffAsync();
        await BulkTcp.RunAsync(one, two, two.Ipv4, 1e9, 500_000, default);
        UdpTalk.Send(one, two.Ipv6!, 9, 5, 8952);
        LedgerSnapshot ledger = await node.SettledAsync();
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(pod.StopAsync(), sensor.StopAsync());
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured[1], mtu: 9100).Where(TunnelJudge.IsTcpOrUdp)];
        Assert.That(datagrams.Max(datagram => datagram.Inner.Length), Is.EqualTo(9014));
        DecodedFrames.AssertSame(
            captured[0].Where(frame => frame.First("eth.src") == mac).Select(frame => frame.Bytes),
            datagrams.Select(datagram => datagram.Inner)
                .Where(inner => Convert.ToHexStringLower(inner[6..12]) == mac.Replace(":", "", StringComparison.Ordinal)));
        Assert.That(ledger.Fragmented, Is.Zero);
    }
}
