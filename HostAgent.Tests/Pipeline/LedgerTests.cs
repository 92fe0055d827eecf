using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Pipeline;

/// <summary>The ledger against counts that are not the agent's: the generator's, the links', tcpdump's.</summary>
[TestFixture]
[Parallelizable]
internal sealed class LedgerTests
{
    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [SetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
        UdpTalk.Swallow(_node.Node);
        _node.Silence(_api);
        _node.Silence(_db);
    }

    [TearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public async Task What_is_seen_is_what_was_sent_and_what_the_links_counted()
    {
        const int Count = 20_000;
        long before = _node.FramesOn(_api) + _node.FramesOn(_db);
        await using LinkCapture sensor = await _node.SniffAsync();
        _node.Mirror(1, _api, _db);
        byte[] frame = FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4("10.58.0.1", "10.58.0.2", 17, FrameBuilder.Udp("10.58.0.1", "10.58.0.2", 1, 2, new byte[80])));
        using (var injector = new FrameInjector(_api))
        {
            for (int i = 0; i < Count; i++) injector.Send(frame);
        }

        LedgerSnapshot ledger = await _node.SettledAsync(Count);
        Assert.That(ledger.Seen, Is.EqualTo(Count));
        Assert.That(_node.FramesOn(_api) + _node.FramesOn(_db) - before, Is.EqualTo(Count));
        Assert.That(ledger.Delivered + ledger.Losses.Sum(), Is.EqualTo(Count));
        Assert.That(ledger.Segments, Is.EqualTo(ledger.Delivered));
        Assert.That((await sensor.StopAsync()).Count, Is.EqualTo(ledger.Segments), "what was delivered is on the sensor's link");
    }

    [Test]
    public async Task Real_traffic_between_captured_pods_balances_with_the_links()
    {
        long before = _node.FramesOn(_api) + _node.FramesOn(_db);
        _node.Mirror(1, _api, _db);
        await BulkTcp.RunAsync(_api, _db, _db.Ipv4, 1e9, 20_000_000, default);
        await SmallUdp.RunAsync(_db, _api, _api.Ipv4, 1e5, 2000, 64, default);
        // Neighbours go on asking for each other now and then: both counts are read again until no frame has come between them.
        await Eventually.ThatAsync(
            () => _node.Ledger.Seen == _node.FramesOn(_api) + _node.FramesOn(_db) - before, "seen is what the links counted");
        LedgerSnapshot ledger = await _node.SettledAsync();
        Assert.That(ledger.Delivered, Is.GreaterThan(2000));
        Assert.That(ledger.Lost(LossReason.Duplicate), Is.GreaterThan(2000));
        long otherwise = ledger.Losses.Sum() - ledger.Lost(LossReason.Duplicate) - ledger.Lost(LossReason.KernelRing)
            - ledger.Lost(LossReason.Overload);
        Assert.That(otherwise, Is.Zero);
    }

    [Test]
    public async Task Without_a_sensor_every_frame_is_lost_for_that_reason_until_one_comes()
    {
        _node.Mirror([], (_api, 1));
        UdpTalk.Send(_api, UdpTalk.Nowhere, 9, 100);
        LedgerSnapshot without = await _node.SettledAsync(100);
        Assert.That(without.Lost(LossReason.NoSensor), Is.EqualTo(without.Seen));
        await using LinkCapture sensor = await _node.SniffAsync();
        _node.Mirror(1, _api);
        UdpTalk.Send(_api, UdpTalk.Nowhere, 10, 100);
        LedgerSnapshot with = await _node.SettledAsync(without.Seen + 100);
        Assert.That(with.Lost(LossReason.NoSensor), Is.EqualTo(without.Seen));
        Assert.That(TunnelJudge.Judge(await sensor.StopAsync()).Count(datagram => datagram.Last("udp.dstport") == "10"), Is.EqualTo(100));
    }

    [Test]
    public async Task Scope_and_sensor_change_while_traffic_flows_and_nothing_is_unaccounted_for()
    {
        long before = _node.FramesOn(_api);
        using var stop = new CancellationTokenSource();
        _node.Mirror(1, _api);
        Task<long> traffic = Task.Run(() => SmallUdp.RunAsync(_api, _db, _db.Ipv4, 5000, long.MaxValue, 64, stop.Token));
        PodNetwork sensor = _node.Node.AddRouted("zeek", 9000);
        for (int round = 0; round < 10; round++)
        {
            LedgerSnapshot start = _node.Ledger;
            // In turn: another sensor, none, the pod out of scope, and as it was.
            ImmutableArray<HostAgent.Sensors.SensorEndpoint> sensors =
                (round % 4) switch { 0 => [_node.EndpointOf(sensor)], 1 => [], _ => [_node.EndpointOf(_node.Sensor)] };
            bool captured = round % 4 != 2;
            _node.Mirror(sensors, captured ? [(_api, 1u)] : []);
            if (captured) await Eventually.ThatAsync(() => _node.Ledger.Seen > start.Seen + 100, "frames are seen");
        }

        await stop.CancelAsync();
        long sent = await traffic;
        LedgerSnapshot ledger = await _node.SettledAsync();
        Assert.That(ledger.Delivered + ledger.Losses.Sum(), Is.EqualTo(ledger.Seen));
        Assert.That(ledger.Lost(LossReason.NoSensor), Is.GreaterThanOrEqualTo(100));
        long otherwise = ledger.Losses.Sum() - ledger.Lost(LossReason.NoSensor) - ledger.Lost(LossReason.OutOfScope);
        Assert.That(otherwise, Is.Zero);
        Assert.That(ledger.Seen, Is.InRange(800, Math.Min(sent + 10, _node.FramesOn(_api) - before)));
    }

    [Test]
    public async Task A_sensor_whose_link_goes_away_costs_send_errors_and_nothing_else()
    {
        PodNetwork sensor = _node.Node.AddRouted("zeek", 9000);
        _node.Mirror([_node.EndpointOf(sensor)], (_api, 1));
        UdpTalk.Send(_api, UdpTalk.Nowhere, 9, 10);
        LedgerSnapshot before = await _node.SettledAsync(10);
        Assert.That(before.Losses.Sum(), Is.Zero);
        _node.Node.Remove(sensor);
        UdpTalk.Send(_api, UdpTalk.Nowhere, 9, 10);
        LedgerSnapshot without = await _node.SettledAsync(before.Seen + 10);
        Assert.That(without.Lost(LossReason.SendError), Is.EqualTo(without.Seen - before.Seen));
        _node.Mirror(1, _api);
        UdpTalk.Send(_api, UdpTalk.Nowhere, 9, 10);
        LedgerSnapshot after = await _node.SettledAsync(without.Seen + 10);
        Assert.That(after.Delivered - without.Delivered, Is.EqualTo(after.Seen - without.Seen));
    }

    [Test]
    public async Task Draining_sends_all_that_was_captured()
    {
        await using LinkCapture sensor = await _node.SniffAsync();
        _node.Mirror(1, _api);
        UdpTalk.Send(_api, UdpTalk.Nowhere, 9, 3000);
        await Eventually.ThatAsync(() => _node.FramesOn(_api) >= 3000, "the link has carried all");
        _node.Drain();
        LedgerSnapshot ledger = _node.Ledger;
        Assert.That((ledger.InFlight, ledger.Losses.Sum()), Is.EqualTo((0, 0)));
        Assert.That(TunnelJudge.Judge(await sensor.StopAsync()).Count(datagram => datagram.Last("udp.dstport") == "9"), Is.EqualTo(3000));
    }
}
