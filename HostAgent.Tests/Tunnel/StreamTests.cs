using System.Diagnostics;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A sensor that reads a stream: what it gets is a capture file that capinfos and tshark read without a complaint.</summary>
[TestFixture]
[Parallelizable]
internal sealed class StreamTests
{
    [TestCase(StreamFormat.Pcap, StreamEncapsulation.None, false)]
    [TestCase(StreamFormat.Pcapng, StreamEncapsulation.None, false)]
    [TestCase(StreamFormat.Pcap, StreamEncapsulation.Vxlan, false)]
    [TestCase(StreamFormat.Pcapng, StreamEncapsulation.Vxlan, true)]
    public async Task A_stream_holds_what_the_pods_said(StreamFormat format, StreamEncapsulation around, bool v6)
    {
        using var node = new MirroredNode(1500) { Policy = Streamed(format, around) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        using var sensor = new StreamSensor(node.Sensor, v6 ? node.Sensor.Ipv6 : null);
        await using LinkCapture pod = await LinkCapture.StartAsync(api, "tcp or udp");
        node.Mirror([node.EndpointOf(node.Sensor, v6)], (api, 33), (db, 33));
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        // What the kernel itself said on the pods' links before that had no sensor.
        long early = node.Ledger.Lost(LossReason.NoSensor);
        const int Bytes = 2_000_000;
        await BulkTcp.RunAsync(api, db, v6 ? db.Ipv6! : db.Ipv4, 1e9, Bytes, default);
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 20, size: 1472);
        await node.SettledAsync();
        node.Mirror([]);
        LedgerSnapshot ledger = await node.SettledAsync();
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");
        Assert.That(ledger.Lost(LossReason.SendError) + ledger.Lost(LossReason.SensorSlow) + ledger.Fragmented, Is.Zero);
        Assert.That(ledger.Lost(LossReason.NoSensor), Is.EqualTo(early));

        IReadOnlyList<DecodedFrame> frames = await ReadAsync(sensor, 0, format);
        Assert.That(frames, Has.Count.EqualTo(ledger.Segments));
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(frames.Where(frame => frame.IsMalformed), Is.Empty);
        if (around == StreamEncapsulation.Vxlan) Assert.That(frames.Select(frame => frame.Vni).Distinct(), Is.EqualTo([33]));
        else Assert.That(frames.Where(frame => frame.IsVxlan), Is.Empty);
        IReadOnlyList<DecodedFrame> crossed = await pod.StopAsync();
        DecodedFrame first = crossed.First(frame => frame.Integer("tcp.len") > 1000);
        int source = int.Parse(first.Last("tcp.srcport")!), destination = int.Parse(first.Last("tcp.dstport")!);
        byte[] payload = DecodedFrames.TcpPayload(crossed, source, destination);
        Assert.That(payload, Has.Length.EqualTo(Bytes));
        Assert.That(payload.AsSpan().SequenceEqual(DecodedFrames.TcpPayload(frames, source, destination)), "the bulk's payload");
        Assert.That(frames.Max(frame => frame.Integer("tcp.len")), Is.InRange(1400, 1460), "segments as on the wire");
        Assert.That(frames.Count(frame => frame.Last("udp.dstport") == "7002"), Is.EqualTo(20));
    }

    [Test]
    public async Task A_pcapng_stream_names_the_pods_and_their_losses()
    {
        using var node = new MirroredNode { Policy = Streamed(StreamFormat.Pcapng) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        using var sensor = new StreamSensor(node.Sensor);
        node.Mirror(33, api, db);
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        UdpTalk.Echo(api, db, db.Ipv4, 7002);
        await node.SettledAsync(6);
        node.Mirror([]);
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");
        string infos = HostTool.Run("capinfos", "-M", "-I", sensor.File(0));
        Assert.That(infos, Does.Contain($"/api {api.HostLink}").And.Contain($"/db {db.HostLink}"));
        Assert.That(infos, Does.Contain("Time ticks per second = 1000000000").And.Contain("Number of stat entries = 1"));
    }

    [Test]
    public async Task A_file_is_replayed_into_a_stream_from_its_first_frame_on()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork tshark = node.AddRouted("tshark", 9000);
        using var sensor = new StreamSensor(tshark);
        using var folder = new TemporaryDirectory();
        string policy = folder.Write("policy.yaml", AgentFiles.PolicyOf($"{{address: {tshark.Ipv4}, reads: stream}}"));
        byte[] frame = CraftedFrame.Udp("", new("10.56.0.1"), 200).Bytes;
        string file = Pcap.Write(folder.File("frames.pcap"), Enumerable.Repeat(frame, 100));
        ProgramRun run = await AgentProgram.RunAsync(
            node.Namespace, ["replay", file, "--policy", policy, "--node-name", "n", "--speed", "max"]);
        Assert.That(run.Code, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain("seen 100 = delivered 100 + in flight 0 + lost 0 (none)"));
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");
        Assert.That((await ReadAsync(sensor, 0, StreamFormat.Pcap)).Select(received => received.Bytes), Is.All.EqualTo(frame));
    }

    [TestCase(StreamFormat.Pcap, 1)]
    [TestCase(StreamFormat.Pcapng, 1)]
    [TestCase(StreamFormat.Pcapng, 2)]
    public async Task A_reader_that_is_killed_gets_a_whole_stream_anew(StreamFormat format, int shards)
    {
        using var node = new MirroredNode(shards: shards) { Policy = Streamed(format) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        using var sensor = new StreamSensor(node.Sensor);
        node.Mirror(33, api, db);
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        using var end = new CancellationTokenSource();
        Task<long>[] bulks = [.. Enumerable.Range(0, 4).Select(_ => BulkTcp.RunAsync(api, db, db.Ipv4, 50e6, long.MaxValue, end.Token))];
        for (int i = 0; i < 3; i++)
        {
            long before = sensor.Received;
            await Eventually.ThatAsync(() => sensor.Received > before + 5_000_000, "the stream flows");
            int begun = sensor.Begun;
            sensor.Kill();
            await Eventually.ThatAsync(() => sensor.Begun > begun, "there is another stream");
        }

        long last = sensor.Received;
        await Eventually.ThatAsync(() => sensor.Received > last + 5_000_000, "the last stream flows");
        await end.CancelAsync();
        await Task.WhenAll(bulks);
        await node.SettledAsync();
        node.Mirror([]);
        LedgerSnapshot ledger = await node.SettledAsync();
        await Eventually.ThatAsync(() => sensor.Ended == sensor.Begun, "the stream ends");
        Assert.That(ledger.Lost(LossReason.Fault), Is.Zero);
        // Those whose reader was killed end where it was; the last one ends well.
        IReadOnlyList<DecodedFrame> frames = await ReadAsync(sensor, sensor.Begun - 1, format);
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(frames.Where(frame => frame.IsMalformed), Is.Empty);
        for (int i = 0; i < sensor.Begun - 1; i++)
        {
            ProgramRun infos = HostTool.RunToEnd(new ProcessStartInfo("capinfos", ["-c", sensor.File(i)]));
            Assert.That(infos.Errors, Is.Empty.Or.Contain("cut short"), "a reader's file ends with the reader, and is sound before");
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task A_reader_that_does_not_read_costs_whole_flows_and_nothing_else(int shards)
    {
        using var node = new MirroredNode(shards: shards) { Policy = Streamed(StreamFormat.Pcapng) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        using var sensor = new StreamSensor(node.Sensor);
        node.Mirror(33, api, db);
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        sensor.Pause();
        // More than the kernel's buffers and the agent's hold together.
        const long Bytes = 100_000_000;
        long[] received = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => BulkTcp.RunAsync(api, db, db.Ipv4, 1e9, Bytes, default)));
        Assert.That(received, Is.All.EqualTo(Bytes));
        await Eventually.ThatAsync(() => node.Ledger.Lost(LossReason.SensorSlow) > 0, "flows are given up");
        Assert.That(sensor.Begun, Is.EqualTo(1));
        sensor.Resume();
        await node.SettledAsync();

        // It has caught up, so all flows are back after a while.
        await Eventually.ThatAsync(() =>
        {
            long lost = node.Ledger.Lost(LossReason.SensorSlow);
            for (int i = 0; i < 30; i++) UdpTalk.Echo(api, db, db.Ipv4, 7100 + i, count: 1);
            return node.SettledAsync().GetAwaiter().GetResult().Lost(LossReason.SensorSlow) == lost;
        }, "nothing is given up any more");
        node.Mirror([]);
        LedgerSnapshot ledger = await node.SettledAsync();
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");
        Assert.That(ledger.Lost(LossReason.Fault) + ledger.Lost(LossReason.SendError), Is.Zero);
        ProgramRun infos = HostTool.RunToEnd(new ProcessStartInfo("capinfos", ["-c", "-M", sensor.File(0)]));
        Assert.That((infos.Code, infos.Errors), Is.EqualTo(((int?)0, "")));
        Assert.That(infos.Output, Does.Match($@"Number of packets:\s*{ledger.Segments}\b"));
    }

    [Test]
    public async Task Without_a_listener_frames_have_no_sensor_until_there_is_one()
    {
        using var node = new MirroredNode { Policy = Streamed(StreamFormat.Pcap) };
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Silence(api);
        node.Silence(db);
        node.Mirror(33, api);
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 5);
        LedgerSnapshot before = await node.SettledAsync(10);
        Assert.That((before.Delivered, before.Lost(LossReason.NoSensor)), Is.EqualTo((0L, before.Seen)));
        using var sensor = new StreamSensor(node.Sensor);
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        UdpTalk.Echo(api, db, db.Ipv4, 7002, count: 5);
        LedgerSnapshot after = await node.SettledAsync(before.Seen + 10);
        Assert.That(after.Delivered, Is.GreaterThanOrEqualTo(10));
    }

    [Test]
    public async Task The_agent_tells_why_a_stream_is_not_connected_and_follows_its_policy()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), zeek = node.AddRouted("zeek", 9000);
        await using var agent = new AgentOnNode(node, AgentFiles.SelectedWith("reads: stream"),
            ("shop", api), ("shop", db), (AgentFiles.Security, zeek));
        AgentReading refused = await agent.UntilAsync("a refused connection", reading =>
            reading.Status.Sensor.State == "connecting" && reading.Status.Sensor.Reason!.Contains("refused", StringComparison.Ordinal));
        Assert.That(refused.Status.Sensor.Reason, Does.Contain($"{zeek.Ipv4} port 57012 cannot be connected to"));
        using var sensor = new StreamSensor(zeek);
        await agent.ReadyAsync(2);
        UdpTalk.Echo(api, db, db.Ipv4, 7002);
        await agent.SettledAsync(6);

        await using LinkCapture sniffer = await LinkCapture.StartAsync(zeek, MirroredNode.TunnelFrames);
        agent.WritePolicy(AgentFiles.SelectedWith("reads: sniff"));
        await agent.UntilAsync("a sniffing sensor", reading => reading.Status.Sensor is { State: "ready", Reads: "sniff" });
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");
        Assert.That((await ReadAsync(sensor, 0, StreamFormat.Pcap)).Count(frame => frame.Last("udp.dstport") == "7002"), Is.EqualTo(3));
        UdpTalk.Echo(api, db, db.Ipv4, 7003);
        await agent.SettledAsync(12);
        Assert.That((await sniffer.StopAsync()).Count(frame => frame.Last("udp.dstport") == "7003"), Is.EqualTo(3));
    }

    private static SensorPolicy Streamed(StreamFormat format, StreamEncapsulation around = StreamEncapsulation.None) =>
        new() { Reads = SensorReads.Stream, Port = StreamSensor.Port, Format = format, Encapsulation = around };

    /// <summary>The frames of a stream that ended well, by capinfos's and tshark's word.</summary>
    private static async Task<IReadOnlyList<DecodedFrame>> ReadAsync(StreamSensor sensor, int stream, StreamFormat format)
    {
        Require.Program("capinfos", "wireshark-common");
        string file = sensor.File(stream);
        ProgramRun infos = HostTool.RunToEnd(new ProcessStartInfo("capinfos", [file]));
        Assert.That((infos.Code, infos.Errors), Is.EqualTo(((int?)0, "")), infos.Output);
        if (format == StreamFormat.Pcap) return await Tshark.DecodeAsync(file);
        // The judge's own reader knows pcap only.
        HostTool.Run("editcap", "-F", "nsecpcap", file, file + ".converted");
        return await Tshark.DecodeAsync(file + ".converted");
    }
}
