using System.Net;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Sensors in every place where they may be; the frames are the same.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SensorPlacementTests
{
    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!, _bridged = null!, _second = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
        _bridged = _node.Node.AddBridged("zeek", 9000);
        _second = _node.Node.AddRouted("suricata", 9000);
        _api.DisableOffload();
        _db.DisableOffload();
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public async Task On_the_host_network_it_is_reached_over_loopback(string address)
    {
        IReadOnlyList<DecodedFrame> datagrams = await MirroredAsync(
            () => [_node.Loopback(IPAddress.Parse(address))],
            () => LinkCapture.StartAsync(_node.Node.Namespace, "lo", MirroredNode.TunnelFrames), mtu: 65536);
        string ip = address.Contains(':', StringComparison.Ordinal) ? "ipv6" : "ip";
        Assert.That(datagrams.Select(datagram => (datagram.First($"{ip}.src"), datagram.First($"{ip}.dst"))).Distinct(),
            Is.EqualTo([(address, address)]));
    }

    [Test]
    public async Task On_loopback_super_frames_are_cut_as_the_wire_has_them()
    {
        _node.Mirror([_node.Loopback(IPAddress.Loopback)], (_api, 4));
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture capture = await LinkCapture.StartAsync(_node.Node.Namespace, "lo", MirroredNode.TunnelFrames);
        PodNetwork offloading = _node.Node.AddRouted("offload");
        _node.Mirror([_node.Loopback(IPAddress.Loopback)], (offloading, 4));
        using (var injector = new FrameInjector(offloading)) injector.Send(CraftedFrame.Tcp("TCP", new("10.55.0.1"), 20_000, 1448));
        await _node.SettledAsync(before.Seen + 1);
        DecodedFrame[] segments = [.. TunnelJudge.Judge(await capture.StopAsync(), 65536)
            .Where(datagram => datagram.Last("ip.src") == "10.55.0.1")];
        Assert.That(segments.Select(segment => TunnelJudge.Number(segment, "tcp.len")),
            Is.EqualTo([.. Enumerable.Repeat(1448, 13), 20_000 - (13 * 1448)]));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Behind_a_bridge_it_is_reached_on_its_own_port(bool v6)
    {
        IReadOnlyList<DecodedFrame> datagrams = await MirroredAsync(
            () => [_node.EndpointOf(_bridged, v6)], () => LinkCapture.StartAsync(_bridged, MirroredNode.TunnelFrames));
        Assert.That(datagrams[0].First(v6 ? "ipv6.dst" : "ip.dst"), Is.EqualTo($"{(v6 ? _bridged.Ipv6 : _bridged.Ipv4)}"));
    }

    [Test]
    public async Task Over_IPv6_every_datagram_has_a_right_checksum()
    {
        IReadOnlyList<DecodedFrame> datagrams = await MirroredAsync(() => [_node.EndpointOf(_node.Sensor, v6: true)], _node.SniffAsync);
        Assert.That(datagrams.Select(datagram => datagram.First("ipv6.hlim")).Distinct(), Is.EqualTo(["64"]));
    }

    [Test]
    public async Task Another_port_and_another_range_are_kept()
    {
        _node.Policy = new SensorPolicy { Port = 8472, FirstSourcePort = 50_000, SourcePortCount = 3 };
        try
        {
            LedgerSnapshot before = await _node.SettledAsync();
            await using LinkCapture capture = await _node.SniffAsync();
            _node.Mirror(0, _api, _db);
            await ConnectAsync(_api, _db, _db.Ipv4, 20);
            await _node.SettledAsync(before.Seen + 1);
            await capture.StopAsync();
            IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(await Tshark.DecodeAsync(capture.File, 8472), policy: _node.Policy);
            Assert.That(TunnelJudge.Flows(datagrams).Ports, Is.EqualTo([50_000, 50_001, 50_002]));
            Assert.That(datagrams.Select(datagram => datagram.Vni).Distinct(), Is.EqualTo([0]));
        }
        finally
        {
            _node.Policy = new SensorPolicy();
        }
    }

    [Test]
    public async Task Two_sensors_share_the_flows_and_each_has_both_directions_of_its_own()
    {
        await using LinkCapture one = await _node.SniffAsync(), two = await LinkCapture.StartAsync(_second, MirroredNode.TunnelFrames),
            api = await LinkCapture.StartAsync(_api, "tcp or udp");
        _node.Mirror([_node.EndpointOf(_node.Sensor), _node.EndpointOf(_second)], (_api, 6));
        await ConnectAsync(_api, _db, _db.Ipv4, 25);
        await ConnectAsync(_api, _db, _db.Ipv6!, 25);
        await _node.SettledAsync();
        _node.Mirror(6);
        await _node.SettledAsync();
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(one.StopAsync(), two.StopAsync(), api.StopAsync());
        DecodedFrame[] atOne = [.. TunnelJudge.Judge(captured[0]).Where(TunnelJudge.IsTcpOrUdp)],
            atTwo = [.. TunnelJudge.Judge(captured[1]).Where(TunnelJudge.IsTcpOrUdp)];
        DecodedFrames.AssertSame(captured[2].Select(frame => frame.Bytes), atOne.Concat(atTwo).Select(datagram => datagram.Inner));
        string?[] flowsOfOne = [.. atOne.Select(TunnelJudge.FlowOf).Distinct()],
            flowsOfTwo = [.. atTwo.Select(TunnelJudge.FlowOf).Distinct()];
        Assert.That(flowsOfOne.Intersect(flowsOfTwo), Is.Empty);
        Assert.That((flowsOfOne.Length, flowsOfTwo.Length), Is.EqualTo((50 - flowsOfTwo.Length, 50 - flowsOfOne.Length)));
        Assert.That(Math.Min(flowsOfOne.Length, flowsOfTwo.Length), Is.GreaterThanOrEqualTo(8), "neither does all the work");
    }

    /// <summary>Short connections, each of its own ports.</summary>
    private static async Task ConnectAsync(PodNetwork from, PodNetwork to, IPAddress address, int count)
    {
        for (int i = 0; i < count; i++) await BulkTcp.RunAsync(from, to, address, 1e9, 3000, default);
    }

    /// <summary>Traffic of both kinds of address, of one captured pod; everything must be at the sensor as it crossed.</summary>
    private async Task<IReadOnlyList<DecodedFrame>> MirroredAsync(
        Func<System.Collections.Immutable.ImmutableArray<HostAgent.Sensors.SensorEndpoint>> sensors, Func<Task<LinkCapture>> sniff,
        int mtu = 9000)
    {
        await using LinkCapture sensor = await sniff(), pod = await LinkCapture.StartAsync(_api, "tcp or udp");
        _node.Mirror(sensors(), (_api, 4));
        await ConnectAsync(_api, _db, _db.Ipv4, 5);
        await ConnectAsync(_api, _db, _db.Ipv6!, 5);
        await Task.Run(() => UdpTalk.Echo(_db, _api, _api.Ipv6!, 7003, size: 1452));
        await _node.SettledAsync();
        // The last of the capture's frames and the last mirrored are the same: nothing is mirrored from here on.
        _node.Mirror(4);
        await _node.SettledAsync();
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(sensor.StopAsync(), pod.StopAsync());
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured[0], mtu).Where(TunnelJudge.IsTcpOrUdp)];
        DecodedFrames.AssertSame(captured[1].Select(frame => frame.Bytes), datagrams.Select(datagram => datagram.Inner));
        return datagrams;
    }
}
