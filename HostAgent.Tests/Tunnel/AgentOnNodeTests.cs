using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>The program itself, from policy and cluster file to the sensor's link.</summary>
[TestFixture]
[Parallelizable]
internal sealed class AgentOnNodeTests
{
    [Test]
    public async Task Drains_on_SIGTERM_within_five_seconds_and_leaves_the_host_as_it_was()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), sensor = node.AddRouted("sensor", 9000);
        UdpTalk.Swallow(node);
        await Eventually.ThatAsync(
            () => !node.Namespace.Ip("addr show").Contains("tentative", StringComparison.Ordinal),
            "the kernel has done with its own addresses");
        string[] before = StateOf(node.Namespace);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("shop", db), ("security", sensor));
        await agent.ReadyAsync(2);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(sensor, MirroredNode.TunnelFrames);
        const int Count = 5000;
        UdpTalk.Send(api, UdpTalk.Nowhere, 9, Count);
        Assert.That(await agent.EndAsync(), Is.Zero, "exit code, within 5 s");
        DecodedFrame[] arrived = [.. TunnelJudge.Judge(await sniffer.StopAsync()).Where(datagram => datagram.Last("udp.dstport") == "9")];
        Assert.That(arrived, Has.Length.EqualTo(Count), "all that was sent before is at the sensor");
        Assert.That(arrived.Select(datagram => datagram.Vni).Distinct(), Is.EqualTo([4711]));
        Assert.That(StateOf(node.Namespace), Is.EqualTo(before));
    }

    [Test]
    public async Task A_pod_leaves_the_scope_and_a_sensor_is_replaced_while_traffic_flows()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), first = node.AddRouted("zeek1", 9000);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("unscoped", db), ("security", first));
        await agent.ReadyAsync(1);
        using var stop = new CancellationTokenSource();
        Task<long> traffic = Task.Run(() => SmallUdp.RunAsync(api, db, db.Ipv4, 2000, long.MaxValue, 64, stop.Token));
        AgentReading flowing = await agent.UntilAsync("frames flow", reading => reading.Ledger.Delivered > 200);

        agent.WritePods(("unscoped", api), ("unscoped", db), ("security", first));
        AgentReading descoped = await agent.UntilAsync("the pod is not captured", reading => !reading.Captured.Any());
        descoped = await agent.SettledAsync();
        Assert.That(descoped.Ledger.Seen, Is.GreaterThan(flowing.Ledger.Seen));

        agent.WritePods(("shop", api), ("unscoped", db), ("security", first));
        await agent.UntilAsync("frames flow again", reading => reading.Ledger.Delivered > descoped.Ledger.Delivered + 200);

        // The sensor's pod is deleted, and its link a moment later.
        agent.WritePods(("shop", api), ("unscoped", db));
        AgentReading without = await agent.UntilAsync("frames without a sensor are named",
            reading => reading.Ledger.Losses["no_sensor"] > 200);
        Assert.That(without.Status.Sensor.State, Is.EqualTo("missing"));
        node.Remove(first);
        PodNetwork second = node.AddRouted("zeek2", 9000);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(second, MirroredNode.TunnelFrames);
        agent.WritePods(("shop", api), ("unscoped", db), ("security", second));
        await agent.UntilAsync("frames flow to the new sensor", reading => reading.Ledger.Delivered > without.Ledger.Delivered + 200);

        await stop.CancelAsync();
        await traffic;
        AgentReading end = await agent.SettledAsync();
        Assert.That(end.Lost - end.Ledger.Losses["no_sensor"] - end.Ledger.Losses["out_of_scope"], Is.Zero, end.LossesInWords);
        Assert.That(TunnelJudge.Judge(await sniffer.StopAsync()), Has.Count.GreaterThanOrEqualTo(200));
    }

    [Test]
    public async Task Segments_change_under_load_without_a_lost_frame()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("unscoped", db), ("security", sensor));
        await agent.ReadyAsync(1);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(sensor, MirroredNode.TunnelFrames);
        using var stop = new CancellationTokenSource();
        Task<long> traffic = Task.Run(() => BulkTcp.RunAsync(api, db, db.Ipv4, 3e6, long.MaxValue, stop.Token));
        AgentReading now = await agent.UntilAsync(
            "super-frames are cut", reading => reading.Ledger.Segments > reading.Ledger.Delivered + 500);
        Assert.That(now.Ledger.SegmentsMerged, Is.Zero);
        foreach (string segments in new[] { "link", "4000", "wire", "link" })
        {
            agent.WritePolicy(AgentFiles.SelectedWith($"segments: {segments}"));
            string before = now.Status.PolicyRevision;
            now = await agent.UntilAsync($"segments: {segments} is in force", reading => reading.Status.PolicyRevision != before);
            await agent.UntilAsync("it is used", reading => reading.Ledger.Segments > now.Ledger.Segments + 500);
        }

        await stop.CancelAsync();
        long sent = await traffic;
        AgentReading end = await agent.SettledAsync();
        Assert.That(end.Lost, Is.Zero, end.LossesInWords);
        Assert.That(await agent.MetricAsync("hostagent_segments_merged_total"),
            Is.EqualTo(end.Ledger.SegmentsMerged).And.GreaterThan(1000));
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sniffer.StopAsync())
            .Where(datagram => datagram.Last("tcp.len") is not null)];
        DecodedFrame first = datagrams.First(datagram => TunnelJudge.Number(datagram, "tcp.len") > 0);
        Assert.That(Payload(datagrams, first), Has.Length.EqualTo(sent));
        Assert.That(datagrams.Select(datagram => TunnelJudge.Number(datagram, "tcp.len")),
            Has.Some.EqualTo(1448).And.Some.EqualTo(2 * 1448).And.Some.GreaterThanOrEqualTo(5 * 1448));
    }

    [Test]
    public async Task Segments_that_do_not_fit_the_sensors_link_are_a_warning()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(
            node, AgentFiles.SelectedWith("segments: 9000"), ("shop", api), ("security", sensor));
        AgentReading ready = await agent.ReadyAsync(1);
        Assert.That(ready.Status.Warnings, Is.EqualTo([
            $"sensor.segments allows frames of 9000 bytes, and the sensor's link {sensor.HostLink} "
            + "with MTU 9000 takes 8964, so segments are no larger than that; say segments: link, "
            + "or give both ends of that link an MTU of 9036"]));
        agent.WritePolicy(AgentFiles.SelectedWith("segments: 8964"));
        await agent.UntilAsync("it fits", reading => reading.Status.Warnings.IsEmpty);
    }

    [Test]
    public async Task A_small_MTU_towards_the_sensor_is_a_note_and_counted()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), sensor = node.AddRouted("sensor", 1500);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("unscoped", db), ("security", sensor));
        AgentReading ready = await agent.ReadyAsync(1);
        Assert.That(ready.Status.Notes, Has.Some.Contains("has MTU 1500").And.Contains("1550"));
        Assert.That(ready.Status.Warnings, Is.Empty);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(sensor, MirroredNode.TunnelFrames);
        UdpTalk.Echo(api, db, db.Ipv4, 7005, count: 10, size: 1472);
        await agent.SettledAsync(20);
        Assert.That(await agent.MetricAsync("hostagent_frames_fragmented_total"), Is.EqualTo(20));
        Assert.That(await agent.MetricAsync("hostagent_segments_sent_total"),
            Is.EqualTo(await agent.MetricAsync("hostagent_frames_delivered_total")), "datagrams, not their fragments");
        Assert.That((await agent.MetricAsync("hostagent_warnings"), await agent.MetricAsync("hostagent_notes")), Is.EqualTo((0, 1)));
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sniffer.StopAsync(), mtu: 1500)
            .Where(datagram => datagram.Last("udp.srcport") == "7005" || datagram.Last("udp.dstport") == "7005")];
        Assert.That(datagrams.Select(datagram => datagram.Inner.Length), Is.EqualTo(Enumerable.Repeat(1514, 20)));
    }

    [Test]
    public async Task Losing_all_without_a_sensor_is_a_warning_in_the_status_the_metrics_and_the_log()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db");
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("unscoped", db));
        await agent.UntilAsync("the pod is captured", reading => reading.Captured.Count() == 1);
        using var stop = new CancellationTokenSource();
        Task<long> traffic = Task.Run(() => SmallUdp.RunAsync(api, db, db.Ipv4, 100, long.MaxValue, 64, stop.Token));
        AgentReading warned = await agent.UntilAsync("it warns", reading => !reading.Status.Warnings.IsEmpty);
        Assert.That(warned.Status.Warnings.Single(),
            Does.Contain("frames lost as no_sensor").And.Contain("start one on this node that the policy selects"));
        Assert.That(await agent.MetricAsync("hostagent_warnings"), Is.EqualTo(1));
        Assert.That(agent.Log, Does.Contain("frames lost as no_sensor within"));
        await stop.CancelAsync();
        await traffic;
        await agent.UntilAsync("it is over", reading => reading.Status.Warnings.IsEmpty);
    }

    [TestCase("exec \"$@\" >/dev/full 2>&1", TestName = "A full disk under the log")]
    [TestCase("p=$(mktemp -u); mkfifo $p; exec 3<>$p; rm $p; head -c 65536 /dev/zero >&3; exec \"$@\" >&3 2>&3",
        TestName = "A log that nobody reads")]
    [TestCase("exec unshare -m sh -c 'mount --make-rprivate / && mount -o remount,bind,ro / || exit 9; "
        + "touch $HOME/x 2>/dev/null && exit 9; exec \"$@\"' sh \"$@\"",
        TestName = "A disk that cannot be written")]
    public async Task Do_not_hold_up_the_mirror(string shell)
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), sensor = node.AddRouted("sensor", 9000);
        UdpTalk.Swallow(node);
        await using var agent = new AgentOnNode(
            node, AgentFiles.Selected, ["sh", "-c", shell, "sh"], [("shop", api), ("security", sensor)]);
        await agent.ReadyAsync(1);
        UdpTalk.Send(api, UdpTalk.Nowhere, 9, 500);
        AgentReading end = await agent.SettledAsync(500);
        Assert.That(end.Lost, Is.Zero, end.LossesInWords);
        Assert.That(await agent.EndAsync(), Is.Zero, "exit code, within 5 s");
    }

    [TestCase("127.0.0.1", "{address: 127.0.0.1}")]
    [TestCase("::1", "{address: \"::1\"}")]
    public async Task A_sensor_on_the_host_network_is_given_by_address(string address, string policy)
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), web = node.AddBridged("web");
        node.Probe(web);
        await using var agent = new AgentOnNode(node, policy, ("shop", api), ("shop", web));
        await agent.ReadyAsync(2);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(node.Namespace, "lo", MirroredNode.TunnelFrames);
        // Answered with an ICMP error, which quotes a checksum that nobody finishes inside a host.
        node.Probe(web);
        await BulkTcp.RunAsync(api, web, web.Ipv4, 1e9, 1_000_000, default);
        AgentReading end = await agent.SettledAsync(20);
        Assert.That(end.Lost - end.Ledger.Losses["duplicate"], Is.Zero, end.LossesInWords);
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sniffer.StopAsync(), mtu: 65536).Where(TunnelJudge.IsTcpOrUdp)];
        DecodedFrame first = datagrams.First(datagram => datagram.Last("tcp.len") is { } length && length.Length > 3);
        Assert.That(Payload(datagrams, first), Has.Length.EqualTo(1_000_000));
        Assert.That(datagrams.Select(datagram => datagram.First(address == "::1" ? "ipv6.dst" : "ip.dst")).Distinct(),
            Is.EqualTo([address]));
    }

    [Test]
    public async Task Two_selected_sensors_one_of_them_bridged_share_the_flows()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), one = node.AddRouted("zeek1", 9000),
            two = node.AddBridged("zeek2", 9000);
        node.Probe(two);
        await using var agent = new AgentOnNode(
            node, AgentFiles.Selected, ("shop", api), ("shop", db), ("security", one), ("security", two));
        await agent.UntilAsync("both sensors are ready",
            reading => reading.Status.Sensor.Endpoints.Count() == 2 && reading.Captured.Count() == 2);
        await using LinkCapture atOne = await LinkCapture.StartAsync(one, MirroredNode.TunnelFrames),
            atTwo = await LinkCapture.StartAsync(two, MirroredNode.TunnelFrames);
        await ShortHttp.RunAsync(api, db, db.Ipv4, 1000, 40, default);
        AgentReading end = await agent.SettledAsync(400);
        Assert.That(end.Lost - end.Ledger.Losses["duplicate"], Is.Zero, end.LossesInWords);
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(atOne.StopAsync(), atTwo.StopAsync());
        string?[][] flows = [.. captured.Select(
            frames => TunnelJudge.Judge(frames).Select(TunnelJudge.FlowOf).Where(flow => flow is not null).Distinct().ToArray())];
        Assert.That(flows[0].Intersect(flows[1]), Is.Empty);
        Assert.That(flows[0].Length + flows[1].Length, Is.EqualTo(40));
        Assert.That(flows.Min(flow => flow.Length), Is.GreaterThanOrEqualTo(5));
    }

    private static byte[] Payload(IEnumerable<DecodedFrame> datagrams, DecodedFrame ofFlow) => DecodedFrames.TcpPayload(
        datagrams, (int)TunnelJudge.Number(ofFlow, "tcp.srcport"), (int)TunnelJudge.Number(ofFlow, "tcp.dstport"));

    /// <summary>
    /// All that the agent could have left behind in its namespace: links, addresses, routes, rules, queueing disciplines, filters,
    /// settings.
    /// </summary>
    private static string[] StateOf(NetworkNamespace node)
    {
        string[] parts =
        [
            node.Ip("-d link show"), node.Ip("addr show"), node.Ip("-4 route show table all"),
            node.Ip("-6 route show table all"), node.Ip("rule show"),
            node.Exec("tc", "qdisc", "show"), node.Exec("tc", "filter", "show"), node.Exec("nft", "list", "ruleset"),
        ];
        string[] settings = node.Run(() => Directory.EnumerateFiles("/proc/sys/net", "*", SearchOption.AllDirectories)
            .Where(path => !path.EndsWith("nf_conntrack_count", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(path => $"{path} {Setting(path)}").ToArray());
        Assert.That(settings, Has.Length.GreaterThan(100));
        return [.. parts.SelectMany(part => part.Split('\n')), .. settings];

        static string Setting(string path)
        {
            try
            {
                return File.ReadAllText(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return e.GetType().Name;
            }
        }
    }
}
