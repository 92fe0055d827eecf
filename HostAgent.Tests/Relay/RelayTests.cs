using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>Streams to another host: the agent on the node, the receiver in the world outside, and TLS in between.</summary>
[TestFixture]
[Parallelizable]
internal sealed class RelayTests
{
    [Test]
    public async Task Another_host_gets_what_the_pods_said_once_the_policy_permits_it()
    {
        await using var relayed = new RelayedNode();
        (NodeNetwork node, PodNetwork api, PodNetwork db) = (relayed.Node, relayed.Api, relayed.Db);
        string file = relayed.Files.File("all.pcapng");
        await relayed.StartAsync(file, $"{{address: {NodeNetwork.WorldAddress}, reads: stream}}");
        AgentOnNode agent = relayed.Agent;
        await agent.UntilAsync("a refused sensor", reading =>
            reading.Status.Sensor is { State: "refused", Reason: var why } && why!.Contains("sensor.offHost", StringComparison.Ordinal));
        agent.WritePolicy(relayed.Sensor);
        await agent.ReadyAsync(2);
        string ends = HostTool.Run(
            "openssl", "x509", "-in", relayed.Files.Policy.Certificate, "-noout", "-enddate", "-dateopt", "iso_8601");
        string metrics = HostTool.RunToEnd(
            node.Namespace.StartInfo(["curl", "--silent", "--fail", $"http://{AgentProcess.Listen}/metrics"])).Output;
        Assert.That(metrics, Does.Contain("hostagent_certificate_expiry_timestamp_seconds{use=\"sensor\"} "
            + $"{DateTimeOffset.Parse(ends.Trim().Split('=')[1], CultureInfo.InvariantCulture).ToUnixTimeSeconds()}\n"));
        await using LinkCapture wire = await LinkCapture.StartAsync(node.World, "eth0", $"tcp port {Receiver.Port}");
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 20, size: 1400);
        await agent.SettledAsync(40);
        JsonElement sum = await relayed.EndAsync();
        Assert.That(Sum(sum), Is.EqualTo((Packets(file), 0L)));
        Assert.That(sum.GetProperty("agents").EnumerateArray().Select(one => (one.GetProperty("node").GetString(),
            one.GetProperty("agent").GetString(), one.GetProperty("whole").GetBoolean())), Is.EqualTo([("n", "CN=agent", true)]));
        IReadOnlyList<DecodedFrame> frames = await ReadAsync(file);
        Assert.That(frames.Count(frame => frame.Last("udp.dstport") == "7002"), Is.EqualTo(20));
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(HostTool.Run("capinfos", "-I", file), Does.Contain($"n shop/api {api.HostLink}"));
        await wire.StopAsync();
        Assert.That(HostTool.Run("tshark", "-r", wire.File, "-d", $"tcp.port=={Receiver.Port},tls", "-Y", "data || pcapng"), Is.Empty);
        Assert.That(File.ReadAllBytes(wire.File).AsSpan().IndexOf("7002 number"u8), Is.EqualTo(-1), "nothing is readable on the way");
    }

    [Test]
    public async Task Whatever_happens_on_the_way_each_record_is_received_or_missing()
    {
        using var files = new RelayFiles();
        using var node = new MirroredNode { Policy = files.SensorAt(BrokenPath.Port) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        string file = files.File("all.pcapng");
        await using Receiver receiver = await Receiver.StartAsync(node.Node, files, "--to-file", file);
        using var path = new BrokenPath(node.Node);
        node.Mirror([Outside(node)], (api, 33), (db, 33));
        await receiver.SaysAsync(": connected");
        using var end = new CancellationTokenSource();
        Task<long>[] bulks = [.. Enumerable.Range(0, 2).Select(_ => BulkTcp.RunAsync(api, db, db.Ipv4, 20e6, long.MaxValue, end.Token))];
        for (int i = 0; i < 4; i++)
        {
            long before = path.Passed;
            await Eventually.ThatAsync(() => path.Passed > before + 1_000_000, "the stream flows", seconds: 60);
            int begun = path.Begun;
            path.Hold();
            long written = node.Ledger.Segments;
            await Eventually.ThatAsync(() => node.Ledger.Segments > written + 100, "something is on the way");
            if (i % 2 == 0)
            {
                path.Cut();
            }
            else
            {
                path.TruncateAfter(12_345);
                path.Resume();
            }

            await Eventually.ThatAsync(() => path.Begun > begun, "there is another connection", seconds: 60);
        }

        long last = path.Passed;
        await Eventually.ThatAsync(() => path.Passed > last + 1_000_000, "the last connection flows", seconds: 60);
        await end.CancelAsync();
        await Task.WhenAll(bulks);
        (LedgerSnapshot ledger, JsonElement sum) = await EndAsync(node, receiver);
        (long received, long missing) = Sum(sum);
        Assert.That(received + missing, Is.EqualTo(ledger.Segments), $"{sum}");
        Assert.That(missing, Is.Positive);
        Assert.That(received, Is.EqualTo(Packets(file)));
        Assert.That(sum.GetProperty("all").GetProperty("connections").GetInt32(), Is.GreaterThanOrEqualTo(5));
        Assert.That(sum.GetProperty("all").GetProperty("malformed").GetInt32(), Is.Zero);
        IReadOnlyList<DecodedFrame> frames = await ReadAsync(file);
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(frames.Where(frame => frame.IsMalformed), Is.Empty);
    }

    [Test]
    public async Task Onto_a_link_the_frames_are_what_a_sniffing_sensor_has_from_an_agent()
    {
        using var files = new RelayFiles();
        using var node = new MirroredNode { Policy = files.SensorAt(Receiver.Port) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Node.World.IpBatch("link add tap0 mtu 9000 type veth peer name tap1 mtu 9000", "link set tap0 up", "link set tap1 up");
        await using LinkCapture sensor = await LinkCapture.StartAsync(node.Node.World, "tap1", MirroredNode.TunnelFrames);
        await using Receiver receiver = await Receiver.StartAsync(node.Node, files, "--to-link", "tap0", "--address", "192.0.2.7");
        node.Mirror([Outside(node)], (api, 33), (db, 44));
        await receiver.SaysAsync(": connected");
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 20, size: 1400);
        await BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, 500_000, default);
        (LedgerSnapshot ledger, JsonElement sum) = await EndAsync(node, receiver);
        JsonElement all = sum.GetProperty("all");
        Assert.That((all.GetProperty("received").GetInt64(), all.GetProperty("delivered").GetInt64(), all.GetProperty("lost").GetInt64()),
            Is.EqualTo((ledger.Segments, ledger.Segments, 0L)));
        IReadOnlyList<DecodedFrame> frames = await sensor.StopAsync();
        Assert.That(frames, Has.Count.EqualTo(ledger.Segments));
        Assert.That(frames.Select(frame => frame.Vni).Distinct(), Is.EquivalentTo([33, 44]));
        Assert.That(frames.Select(frame => frame.First("ip.dst")).Distinct(), Is.EqualTo(["192.0.2.7"]));
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
    }

    [Test]
    public async Task A_sensor_reads_all_agents_from_a_pipe()
    {
        Require.Program("tcpdump");
        await using var relayed = new RelayedNode();
        string pipe = relayed.Files.File("frames");
        HostTool.Run("mkfifo", pipe);
        // libpcap, which is what Zeek and Suricata read files with.
        await using ChildProcess sensor = ChildProcess.Start(relayed.Node.World, "tcpdump", "-n", "-l", "-r", pipe, "udp port 7002");
        await relayed.StartAsync(pipe, relayed.Sensor);
        await relayed.Agent.ReadyAsync(2);
        UdpTalk.Echo(relayed.Api, relayed.Db, relayed.Db.Ipv4, 7002, count: 5);
        await relayed.Agent.SettledAsync(10);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (int i = 0; i < 5; i++) Assert.That(await sensor.ReadLineAsync(limit.Token), Does.Contain($"{relayed.Api.Ipv4}."));
        await relayed.EndAsync();
        Assert.That(await sensor.WaitAsync(TimeSpan.FromSeconds(30)), Is.Zero, sensor.Errors);
    }

    [Test]
    public async Task Canaries_are_records_that_are_received_or_missing_like_others()
    {
        await using var relayed = new RelayedNode();
        string file = relayed.Files.File("all.pcapng");
        await relayed.StartAsync(file, $"{relayed.Sensor[..^1]}, canary: true}}");
        AgentOnNode agent = relayed.Agent;
        await agent.ReadyAsync(2);
        await agent.UntilAsync("a canary", _ => agent.MetricAsync("hostagent_canaries_sent_total").GetAwaiter().GetResult() > 0);
        UdpTalk.Echo(relayed.Api, relayed.Db, relayed.Db.Ipv4, 7002);
        AgentReading reading = await agent.SettledAsync(6);
        JsonElement sum = await relayed.EndAsync();
        IReadOnlyList<DecodedFrame> frames = await ReadAsync(file);
        int canaries = frames.Count(frame => frame.First("ip.dst") == "198.51.100.1");
        Assert.That(canaries, Is.Positive);
        Assert.That(Sum(sum), Is.EqualTo((Packets(file), 0L)));
        Assert.That(frames, Has.Count.GreaterThanOrEqualTo((int)reading.Ledger.Segments + canaries));
        Assert.That(sum.GetProperty("agents")[0].GetProperty("whole").GetBoolean());
        Assert.That(HostTool.Run("capinfos", "-I", file), Does.Contain("Name = n canary"));
    }

    private static SensorEndpoint Outside(MirroredNode node) =>
        node.Loopback(NodeNetwork.WorldAddress) with { Source = NodeNetwork.Address };

    /// <summary>The node's pods are mirrored no more, and then the receiver ends.</summary>
    private static async Task<(LedgerSnapshot Ledger, JsonElement Sum)> EndAsync(MirroredNode node, Receiver receiver)
    {
        await node.SettledAsync();
        node.Mirror([]);
        LedgerSnapshot ledger = await node.SettledAsync();
        await receiver.SaysAsync(": ended");
        return (ledger, await receiver.EndAsync());
    }

    private static (long Received, long Missing) Sum(JsonElement sum) =>
        (sum.GetProperty("all").GetProperty("received").GetInt64(), sum.GetProperty("all").GetProperty("missing").GetInt64());

    /// <summary>How many packets capinfos counts, which must not complain.</summary>
    private static long Packets(string file)
    {
        Require.Program("capinfos", "wireshark-common");
        ProgramRun infos = HostTool.RunToEnd(new ProcessStartInfo("capinfos", ["-c", "-M", "-T", "-r", file]));
        Assert.That((infos.Code, infos.Errors), Is.EqualTo(((int?)0, "")), infos.Output);
        return long.Parse(infos.Output.Trim().Split('\t')[^1]);
    }

    private static async Task<IReadOnlyList<DecodedFrame>> ReadAsync(string file)
    {
        // The judge's own reader knows pcap only.
        HostTool.Run("editcap", "-F", "nsecpcap", file, file + ".converted");
        return await Tshark.DecodeAsync(file + ".converted");
    }
}
