using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Many of something at once: ports that get a storm, sensors that share the flows, segments that the uplink joins.</summary>
[TestFixture]
[Parallelizable]
internal sealed class CrowdTests
{
    private MirroredNode _node = null!;

    [SetUp]
    public void Wire() => _node = new MirroredNode();

    [TearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public async Task A_storm_of_broadcasts_on_a_bridge_reaches_the_sensor_once([Values] bool captured)
    {
        const int Ports = 12, Frames = 3000;
        PodNetwork stormy = _node.Node.AddBridged("stormy");
        PodNetwork[] pods = [.. Enumerable.Range(0, Ports).Select(i => _node.Node.AddBridged($"p{i}"))];
        foreach (PodNetwork pod in (PodNetwork[])[stormy, .. pods]) _node.Silence(pod);
        _node.Mirror(1, captured ? [stormy, .. pods] : pods);
        // By the inner source address: the bridge has something to say of its own now and then.
        await using LinkCapture sensor = await LinkCapture.StartAsync(
            _node.Sensor, $"{MirroredNode.TunnelFrames} and ether[76:4] = 0x0a6301fa");
        LedgerSnapshot before = await _node.SettledAsync();
        using (var injector = new FrameInjector(stormy))
        {
            for (int i = 0; i < Frames; i++)
            {
                byte[] frame = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.99.1.250", "255.255.255.255", 17,
                    FrameBuilder.Udp("10.99.1.250", "255.255.255.255", 68, 67, new byte[200]), id: (ushort)i));
                frame.AsSpan(0, 6).Fill(0xFF);
                injector.Send(frame);
            }
        }

        LedgerSnapshot after = await _node.SettledAsync(before.Seen + (Frames * Ports));
        Assert.That(after.Lost(LossReason.Duplicate) - before.Lost(LossReason.Duplicate),
            Is.GreaterThanOrEqualTo(Frames * (Ports - (captured ? 0 : 1))));
        Assert.That((await sensor.StopAsync()).Count, Is.EqualTo(Frames));
    }

    [Test]
    public async Task Of_three_sensors_one_leaves_and_no_frame_is_lost()
    {
        PodNetwork api = _node.Node.AddRouted("api"), db = _node.Node.AddRouted("db");
        PodNetwork[] sensors = [_node.Sensor, _node.Node.AddRouted("zeek", 9000), _node.Node.AddRouted("arkime", 9000)];
        // What a pod sends before its gateway has answered ARP never comes to its link.
        UdpTalk.Echo(api, db, db.Ipv4, 23_000);
        LinkCapture[] captures = await Task.WhenAll(sensors.Select(sensor => LinkCapture.StartAsync(sensor, MirroredNode.TunnelFrames)));
        _node.Mirror([.. sensors.Select(sensor => _node.EndpointOf(sensor))], (api, 1u));
        using var stop = new CancellationTokenSource();
        Task<long>[] flows = [.. Enumerable.Range(0, 40)
            .Select(_ => Task.Run(() => SmallUdp.RunAsync(api, db, db.Ipv4, 50, long.MaxValue, 64, stop.Token)))];
        await Eventually.ThatAsync(() => _node.Ledger.Seen > 1000, "all send");
        _node.Mirror([.. sensors[..2].Select(sensor => _node.EndpointOf(sensor))], (api, 1u));
        LedgerSnapshot without = _node.Ledger;
        await Eventually.ThatAsync(() => _node.Ledger.Seen > without.Seen + 1000, "all send on");
        await stop.CancelAsync();
        long sent = (await Task.WhenAll(flows)).Sum();
        LedgerSnapshot after = await _node.SettledAsync();
        IReadOnlyList<DecodedFrame>[] seen = await Task.WhenAll(captures.Select(capture => capture.StopAsync()));
        foreach (LinkCapture capture in captures) await capture.DisposeAsync();
        Assert.That(after.Losses.Sum(), Is.Zero);
        // Not what the kernels say of their own accord, before and after.
        Assert.That(
            seen.Sum(frames => TunnelJudge.Judge(frames)
                .Count(frame => TunnelJudge.IsTcpOrUdp(frame) && frame.Last("ip.src") == $"{api.Ipv4}")),
            Is.EqualTo(sent));
        Assert.That(seen.Select(frames => frames.Count), Is.All.GreaterThan(100));
        foreach (IReadOnlyList<DecodedFrame> frames in seen) TunnelJudge.Flows(TunnelJudge.Judge(frames));
    }

    [Test]
    public async Task Segments_from_outside_that_the_uplink_joins_are_cut_as_they_were()
    {
        _node.Node.Namespace.Exec("ethtool", "-K", "eth0", "gro", "on");
        _node.Node.World.Exec("ethtool", "-K", "eth0", "tso", "off", "gso", "off");
        PodNetwork api = _node.Node.AddRouted("api");
        var world = new PodNetwork("world", _node.Node.World, "eth0", 0, NodeNetwork.WorldAddress, null);
        _node.Mirror(1, api);
        await using LinkCapture sensor = await _node.SniffAsync();
        await BulkTcp.RunAsync(world, api, api.Ipv4, 1e9, 3_000_000, default);
        LedgerSnapshot ledger = await _node.SettledAsync();
        IReadOnlyList<DecodedFrame> seen = TunnelJudge.Judge(await sensor.StopAsync());
        DecodedFrame syn = seen.Single(frame => frame.Last("tcp.flags") == "0x0002");
        Assert.That(
            DecodedFrames.TcpPayload(seen, (int)TunnelJudge.Number(syn, "tcp.srcport"), (int)TunnelJudge.Number(syn, "tcp.dstport")),
            Has.Length.EqualTo(3_000_000));
        Assert.That(seen.Max(frame => frame.Inner.Length), Is.LessThanOrEqualTo(1514));
        Assert.That(ledger.Losses.Sum(), Is.Zero);
        Assert.That(ledger.Segments, Is.GreaterThan(ledger.Delivered), "some were joined");
    }
}
