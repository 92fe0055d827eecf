using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A frame between two captured pods is seen once; nothing that only looks like a second view of it is left out.</summary>
[TestFixture]
[Parallelizable]
internal sealed class DuplicatesTests
{
    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!, _web = null!, _dns = null!, _cache = null!;
    private int _port = 20_000;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
        _web = _node.Node.AddBridged("web");
        _dns = _node.Node.AddBridged("dns");
        _cache = _node.Node.AddBridged("cache");
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    private static IEnumerable<TestCaseData> Pairs()
    {
        foreach (bool v6 in new[] { false, true })
        {
            string ip = v6 ? "IPv6" : "IPv4";
            yield return new TestCaseData((DuplicatesTests t) => (t._api, t._db), v6).SetArgDisplayNames("routed", ip);
            yield return new TestCaseData((DuplicatesTests t) => (t._web, t._dns), v6).SetArgDisplayNames("bridged", ip);
            yield return new TestCaseData((DuplicatesTests t) => (t._db, t._web), v6).SetArgDisplayNames("routed to bridged", ip);
        }
    }

    [TestCaseSource(nameof(Pairs))]
    public async Task Between_two_captured_pods_each_frame_is_seen_once(Func<DuplicatesTests, (PodNetwork, PodNetwork)> pair, bool v6)
    {
        (PodNetwork from, PodNetwork to) = pair(this);
        _node.Mirror(1, from, to);
        (IReadOnlyList<DecodedFrame> seen, LedgerSnapshot delta) = await SeenAsync(
            port => UdpTalk.Echo(from, to, v6 ? to.Ipv6! : to.Ipv4, port, count: 4));
        AssertWays(seen, 4, (Ip(from, v6), Ip(to, v6)), (Ip(to, v6), Ip(from, v6)));
        Assert.That(delta.Lost(LossReason.Duplicate), Is.GreaterThanOrEqualTo(8));
    }

    [Test]
    public async Task Fragments_of_a_pods_own_are_seen_once_each()
    {
        _node.Mirror(1, _api, _db);
        (IReadOnlyList<DecodedFrame> seen, _) = await SeenAsync(
            port => UdpTalk.Echo(_api, _db, _db.Ipv4, port, count: 2, size: 4000),
            frame => frame.Last("ip.src") is { } source && (source == $"{_api.Ipv4}" || source == $"{_db.Ipv4}"));
        // 4000 bytes are three fragments; each is a datagram of its own in the tunnel.
        AssertWays([.. seen.Where(frame => frame.Protocols.Contains(":ip", StringComparison.Ordinal))], 6, ($"{_api.Ipv4}", $"{_db.Ipv4}"),
            ($"{_db.Ipv4}", $"{_api.Ipv4}"));
    }

    [Test]
    public async Task Of_one_pod_in_scope_both_directions_are_seen()
    {
        foreach ((PodNetwork captured, PodNetwork other) in new[] { (_api, _db), (_db, _api), (_web, _api), (_dns, _web) })
        {
            _node.Mirror(1, captured);
            (IReadOnlyList<DecodedFrame> seen, LedgerSnapshot delta) = await SeenAsync(
                port => UdpTalk.Echo(captured, other, other.Ipv4, port));
            AssertWays(seen, 3, (Ip(captured), Ip(other)), (Ip(other), Ip(captured)));
            Assert.That(delta.Lost(LossReason.Duplicate), Is.Zero);
        }
    }

    [Test]
    public async Task Under_different_VNIs_each_has_all_of_its_pod()
    {
        _node.Mirror([_node.EndpointOf(_node.Sensor)], (_api, 10), (_db, 11));
        (IReadOnlyList<DecodedFrame> seen, LedgerSnapshot delta) = await SeenAsync(port => UdpTalk.Echo(_api, _db, _db.Ipv4, port));
        foreach (int vni in new[] { 10, 11 })
        {
            AssertWays([.. seen.Where(frame => frame.Vni == vni)], 3, (Ip(_api), Ip(_db)), (Ip(_db), Ip(_api)));
        }

        Assert.That(delta.Lost(LossReason.Duplicate), Is.Zero);
    }

    [TestCase("10.1.0.1", TestName = "A service address below the pods' is seen in both views")]
    [TestCase("10.200.0.1", TestName = "A service address above the pods' is seen in both views")]
    public async Task Both_views_of_a_service_are_whole(string service)
    {
        _node.Mirror(1, _api, _db);
        var serviceAddress = IPAddress.Parse(service);
        foreach ((PodNetwork client, PodNetwork server) in new[] { (_api, _db), (_db, _api) })
        {
            _node.Node.Namespace.Exec(
                "nft", "add table ip services; add chain ip services pre { type nat hook prerouting priority dstnat; }; "
                + $"add rule ip services pre ip daddr {service} udp dport 7053 dnat to {server.Ipv4}:7353");
            int source = 0;
            try
            {
                (IReadOnlyList<DecodedFrame> seen, _) = await SeenAsync(
                    _ => source = UdpTalk.Echo(client, server, serviceAddress, 7053, listenPort: 7353, listenAddress: server.Ipv4),
                    frame => frame.Last("udp.srcport") == $"{source}" || frame.Last("udp.dstport") == $"{source}");
                AssertWays(seen, 3, (Ip(client), service), (service, Ip(client)), (Ip(client), Ip(server)), (Ip(server), Ip(client)));
            }
            finally
            {
                _node.Node.Namespace.Exec("nft", "delete table ip services");
            }
        }
    }

    [Test]
    public async Task What_a_network_policy_denies_is_seen_from_its_sender()
    {
        _node.Mirror(1, _api, _db);
        _node.Node.Namespace.Exec("nft", "add table inet deny; add chain inet deny forward { type filter hook forward priority 0; }; "
            + $"add rule inet deny forward ip daddr {_db.Ipv4} tcp dport 4444 drop");
        try
        {
            LedgerSnapshot before = await _node.SettledAsync();
            await using LinkCapture sensor = await _node.SniffAsync(), sender = await LinkCapture.StartAsync(_api, "tcp port 4444"),
                receiver = await LinkCapture.StartAsync(_db, "tcp port 4444");
            using (Socket client = _api.OpenSocket(_db.Ipv4, SocketType.Stream))
            {
                client.Blocking = false;
                Assert.Throws<SocketException>(() => client.Connect(_db.Ipv4, 4444));
                await _node.SettledAsync(before.Seen + 1);
            }

            IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(sensor.StopAsync(), sender.StopAsync(), receiver.StopAsync());
            Assert.That(captured[2], Is.Empty, "the policy denies it");
            DecodedFrame[] seen = [.. TunnelJudge.Judge(captured[0]).Where(frame => frame.Last("tcp.dstport") == "4444")];
            Assert.That(seen.Select(frame => frame.Last("tcp.seq_raw")),
                Is.EqualTo(captured[1].Select(frame => frame.First("tcp.seq_raw"))).And.Not.Empty);
            Assert.That(seen.Select(frame => frame.Last("tcp.flags")), Is.All.EqualTo("0x0002"), "SYNs");
        }
        finally
        {
            _node.Node.Namespace.Exec("nft", "delete table inet deny");
        }
    }

    [Test]
    public async Task A_link_that_shows_one_direction_loses_nothing()
    {
        // What db sends leaves by a second link, which is nobody's to the agent; what it gets comes by the first.
        _node.Node.Namespace.IpBatch($"link add vethpast type veth peer name eth1 netns {_db.Namespace.Name}", "link set vethpast up");
        _node.Node.Namespace.Sysctl("net/ipv4/conf/vethpast/proxy_arp", "1");
        _db.Namespace.IpBatch("link set eth1 up", $"route add {_api.Ipv4}/32 dev eth1 scope link");
        try
        {
            _node.Mirror(1, _api, _db);
            (IReadOnlyList<DecodedFrame> seen, LedgerSnapshot delta) = await SeenAsync(port => UdpTalk.Echo(_api, _db, _db.Ipv4, port));
            AssertWays(seen, 3, (Ip(_api), Ip(_db)), (Ip(_db), Ip(_api)));
            Assert.That(delta.Lost(LossReason.Duplicate), Is.EqualTo(3));
        }
        finally
        {
            _node.Node.Namespace.Ip("link del vethpast");
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_a_bridge_floods_is_seen_once_as_often_as_it_was_sent(bool fromPod)
    {
        _node.Mirror(1, _web, _dns, _cache);
        byte[] arp =
        [
            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
            2, 0, 0, 0, 0, 9, 10, 99, 1, fromPod ? (byte)77 : (byte)78, 0, 0, 0, 0, 0, 0, 10, 99, 1, 99, .. new byte[18],
        ];
        byte[] multicast = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.99.1.77", "239.1.2.3", 17,
            FrameBuilder.Udp("10.99.1.77", "239.1.2.3", fromPod ? (ushort)5000 : (ushort)5001, 5000, new byte[40])));
        new byte[] { 1, 0, 0x5E, 1, 2, 3 }.CopyTo(multicast, 0);
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        using (FrameInjector injector = fromPod ? new FrameInjector(_web) : new FrameInjector(_node.Node.Namespace, "cni0"))
        {
            for (int i = 0; i < 3; i++)
            {
                injector.Send(arp);
                injector.Send(multicast);
                // Each is on all three links before the next is sent.
                await _node.SettledAsync(before.Seen + (6 * (i + 1)));
            }
        }

        IReadOnlyList<DecodedFrame> seen = TunnelJudge.Judge(await sensor.StopAsync());
        foreach (byte[] flooded in new[] { arp, multicast })
        {
            Assert.That(seen.Count(frame => frame.Inner.AsSpan().SequenceEqual(flooded)), Is.EqualTo(3));
        }

        Assert.That((await _node.SettledAsync()).Lost(LossReason.Duplicate) - before.Lost(LossReason.Duplicate),
            Is.GreaterThanOrEqualTo(12));
    }

    [Test]
    public async Task Two_shards_know_them_too()
    {
        using var node = new MirroredNode(shards: 2);
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db"), web = node.Node.AddBridged("web"),
            dns = node.Node.AddBridged("dns");
        await using LinkCapture sensor = await node.SniffAsync();
        node.Mirror(1, api, db, web, dns);
        for (int i = 0; i < 20; i++)
        {
            UdpTalk.Echo(api, db, db.Ipv4, 21_000 + i, count: 1);
            UdpTalk.Echo(web, dns, dns.Ipv6!, 21_100 + i, count: 1);
            // Three fragments each way.
            UdpTalk.Echo(db, web, web.Ipv4, 21_200 + i, count: 1, size: 4000);
        }

        await BulkTcp.RunAsync(api, web, web.Ipv4, 1e9, 500_000, default);
        await node.SettledAsync();
        DecodedFrame[] seen = [.. TunnelJudge.Judge(await sensor.StopAsync()).Where(TunnelJudge.IsTcpOrUdp)];
        Assert.That(seen.Select(frame => Convert.ToHexString(frame.Inner)), Is.Unique);
        Assert.That(seen.Count(frame => frame.Last("udp.dstport") is { } port && port.StartsWith("210", StringComparison.Ordinal)),
            Is.EqualTo(20));
        Assert.That(seen.Count(frame => frame.Last("udp.srcport") is { } port && port.StartsWith("211", StringComparison.Ordinal)),
            Is.EqualTo(20));
        string connection = seen.Single(frame => frame.Last("tcp.flags") == "0x0002").Last("tcp.srcport")!;
        DecodedFrame first = seen.First(frame => frame.Last("tcp.srcport") == connection);
        Assert.That(
            DecodedFrames.TcpPayload(seen, (int)TunnelJudge.Number(first, "tcp.srcport"), (int)TunnelJudge.Number(first, "tcp.dstport")),
            Has.Length.EqualTo(500_000));
        LedgerSnapshot ledger = node.Ledger;
        Assert.That(ledger.Losses.Sum(), Is.EqualTo(ledger.Lost(LossReason.Duplicate)));
    }

    private static string Ip(PodNetwork pod, bool v6 = false) => (v6 ? pod.Ipv6! : pod.Ipv4).ToString();

    /// <summary>Each way has so many frames, all different, and there is no other way.</summary>
    private static void AssertWays(IReadOnlyList<DecodedFrame> seen, int count, params (string From, string To)[] ways)
    {
        Assert.That(
            seen.CountBy(frame => frame.Way()).OrderBy(way => way.Key, StringComparer.Ordinal).Select(way => $"{way.Key}: {way.Value}"),
            Is.EqualTo(ways.Select(way => $"{way.From} > {way.To}: {count}").Order(StringComparer.Ordinal)));
        Assert.That(seen.Select(frame => Convert.ToHexString(frame.Inner)), Is.Unique);
    }

    private async Task<(IReadOnlyList<DecodedFrame> Seen, LedgerSnapshot Delta)> SeenAsync(
        Action<int> talk, Func<DecodedFrame, bool>? which = null)
    {
        // Of its own, so that the filter's memory of one test is nothing to the next.
        string port = $"{++_port}";
        which ??= frame => frame.Last("udp.srcport") == port || frame.Last("udp.dstport") == port;
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        await Task.Run(() => talk(_port));
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + 6);
        DecodedFrame[] seen = [.. TunnelJudge.Judge(await sensor.StopAsync()).Where(which)];
        return (seen, after with { Losses = [.. after.Losses.Zip(before.Losses, (now, then) => now - then)] });
    }
}
