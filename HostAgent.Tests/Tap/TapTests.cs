using System.Diagnostics;
using System.Globalization;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Tap;

/// <summary>The command as an analyst runs it, beside a running agent; capinfos and tshark judge what it wrote.</summary>
[TestFixture]
[Parallelizable]
internal sealed class TapTests
{
    private const int Talk = 7002;

    private NodeNetwork _node = null!;
    private PodNetwork _api = null!, _db = null!, _sensor = null!;

    [SetUp]
    public void Build()
    {
        Require.Program("capinfos", "tshark");
        _node = TestNode.Create();
        (_api, _db, _sensor) = (_node.AddRouted("api"), _node.AddRouted("db"), _node.AddRouted("sensor", 9000));
    }

    [TearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public async Task A_pod_is_tapped_as_the_wire_had_it_and_the_mirror_does_not_notice()
    {
        await using AgentOnNode agent = Agent();
        AgentReading ready = await agent.ReadyAsync(2);
        await using var tap = new TapProcess(_node, "shop/api", "--write", "-");
        await tap.BegunAsync(_api.HostLink);
        await using LinkCapture pod = await LinkCapture.StartAsync(_api, "tcp or udp");
        const int Bytes = 2_000_000;
        await BulkTcp.RunAsync(_api, _db, _db.Ipv4, 1e9, Bytes, default);
        UdpTalk.Echo(_api, _db, _db.Ipv4, Talk, count: 20, size: 1472);
        IReadOnlyList<DecodedFrame> crossed = await pod.StopAsync();
        tap.Terminate();
        Assert.That(await tap.EndedAsync(), Is.Zero, tap.Said);

        IReadOnlyList<DecodedFrame> frames = await ReadAsync(tap.File);
        Assert.That(frames.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(frames.Where(frame => frame.IsMalformed), Is.Empty);
        Assert.That(frames.Max(frame => frame.Bytes.Length), Is.EqualTo(1514), "super-frames are cut");
        Assert.That(crossed.Max(frame => frame.Bytes.Length), Is.GreaterThan(1514), "and there were some");
        DecodedFrame first = crossed.First(frame => frame.Integer("tcp.len") > 1000);
        int source = int.Parse(first.Last("tcp.srcport")!, CultureInfo.InvariantCulture);
        int destination = int.Parse(first.Last("tcp.dstport")!, CultureInfo.InvariantCulture);
        byte[] payload = DecodedFrames.TcpPayload(crossed, source, destination);
        Assert.That(payload, Has.Length.EqualTo(Bytes));
        Assert.That(payload.AsSpan().SequenceEqual(DecodedFrames.TcpPayload(frames, source, destination)), "the bulk's payload");
        Assert.That(frames.Count(frame => frame.Last("udp.dstport") == $"{Talk}"), Is.EqualTo(20));
        Assert.That(tap.Said, Does.Contain($"shop/api: {frames.Count} frames in ").And.Contain(" 0 dropped by the kernel: stopped"));

        string infos = HostTool.Run("capinfos", "-M", "-I", tap.File);
        string uid = ready.Status.Pods.Single(seen => seen.Name == "api").Uid;
        Assert.That(infos, Does.Contain($"Name = {_api.HostLink}\n").And.Contain($"pod shop/api, uid {uid}, address {_api.Ipv4}"));
        Assert.That(infos, Does.Contain("Time ticks per second = 1000000000").And.Contain("Number of stat entries = 1"));
        AgentReading settled = await agent.SettledAsync();
        Assert.That(settled.Ledger.Losses["kernel_ring"] + settled.Ledger.Losses["overload"], Is.Zero, settled.ToString());
        Assert.That(await agent.EndAsync(), Is.Zero);
        string[] audit = Audit(agent);
        Assert.That(audit[0], Does.Contain($"Tap began: pod shop/api uid {uid}, rule all, links {_api.HostLink}, filter none, ")
            .And.Contain("limits none, by 127.0.0.1:").And.Contain(", user 0, ").And.Match(" process [0-9]+, ").And.Contain("host-agent").And.Contain(" tap shop/api --write -"));
        Assert.That(audit[1], Does.Contain("Tap ended: pod shop/api, ").And.EndWith(" s: whoever tapped has ended it"));
    }

    [Test]
    public async Task What_is_out_of_scope_needs_a_policy_that_permits_it()
    {
        await using AgentOnNode agent = Agent(("unscoped", _db));
        await agent.ReadyAsync(1);
        await using var refused = new TapProcess(_node, "unscoped/db");
        Assert.That(await refused.EndedAsync(), Is.EqualTo(3));
        Assert.That(refused.Said, Does.Match(
            "^unscoped/db is not tapped: policy [0-9a-f]{12} does not select it \\(no rule matches\\), "
            + "and it permits taps of pods in scope only \\(tap: scope\\)$"));
        Assert.That(new FileInfo(refused.File).Length, Is.Zero);
        Assert.That(Audit(agent).Single(), Does.Contain("Tap refused: pod unscoped/db, filter none, limits none, by 127.0.0.1:")
            .And.Contain("does not select it (no rule matches)"));

        string scope = AgentFiles.PolicyOf(AgentFiles.Selected, AgentOnNode.Vni);
        AgentReading before = await agent.SettledAsync();
        agent.WritePolicyText(scope.Replace("vni: 1\n", "vni: 1\ntap: any\n", StringComparison.Ordinal));
        await agent.UntilAsync("the policy", reading => reading.Status.PolicyRevision != before.Status.PolicyRevision);
        await using var sensor = new TapProcess(_node, "security/sensor");
        Assert.That(await sensor.EndedAsync(), Is.EqualTo(3));
        Assert.That(sensor.Said, Does.Contain("is a sensor; sensors are never captured"));
        await using var tap = new TapProcess(_node, "unscoped/db", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(_db.HostLink);
        UdpTalk.Echo(_api, _db, _db.Ipv4, Talk);
        AgentReading reading = await agent.SettledAsync();
        Assert.That(reading.Captured.Single().Name, Is.EqualTo("api"), "nothing more is mirrored");

        agent.WritePolicyText(scope);
        Assert.That(await tap.EndedAsync(), Is.EqualTo(3));
        Assert.That(tap.Said, Does.Contain("the agent takes its leave back: policy ").And.Contain("does not select it"));
        IReadOnlyList<DecodedFrame> frames = await ReadAsync(tap.File);
        Assert.That(frames.Where(frame => frame.Last("udp.dstport") == $"{Talk}"), Has.Exactly(3).Items);
        Assert.That(frames.Where(frame => frame.Last("udp.srcport") == $"{Talk}"), Has.Exactly(3).Items);
        Assert.That(frames, Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Who_cannot_be_tapped_is_told_why()
    {
        await using (AgentOnNode agent = Agent())
        {
            await agent.ReadyAsync(2);
            await using var nobody = new TapProcess(_node, "shop/web");
            Assert.That(await nobody.EndedAsync(), Is.EqualTo(3));
            Assert.That(nobody.Said, Is.EqualTo(
                "shop/web is not tapped: node n has no pod shop/web: kubectl get pod -o wide says on which node it is"));
            await using var filtered = new TapProcess(_node, "shop/api", "--filter", "tcp and");
            Assert.That(await filtered.EndedAsync(), Is.EqualTo(1));
            Assert.That(filtered.Said, Does.Contain("the filter 'tcp and' is not understood: ").And.Contain("syntax error"));
        }

        await using var alone = new TapProcess(_node, "shop/api");
        Assert.That(await alone.EndedAsync(), Is.EqualTo(1));
        Assert.That(alone.Said, Does.StartWith("no agent answers at 127.0.0.1:9460 (Connection refused").And.Not.Contain('\n'));
    }

    [Test]
    public async Task It_ends_with_so_many_frames_or_after_so_long_and_prints_them()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        using var folder = new TemporaryDirectory();
        string file = folder.File("copy.pcapng");
        await using var counted = new TapProcess(
            _node, "shop/api", "--count", "5", "--filter", $"udp port {Talk}", "--print", "--write", file);
        await using var timed = new TapProcess(_node, "shop/api", "--duration", "500ms");
        Assert.That(await timed.EndedAsync(), Is.Zero, timed.Said);
        await ReadAsync(timed.File);
        await counted.BegunAsync(_api.HostLink);
        UdpTalk.Echo(_api, _db, _db.Ipv4, Talk, count: 10);
        Assert.That(await counted.EndedAsync(), Is.Zero, counted.Said);
        Assert.That(counted.Said, Does.Contain("shop/api: 5 frames in ").And.EndWith("as many as asked for"));
        Assert.That(await ReadAsync(file), Has.Count.EqualTo(5));
        string[] lines = await System.IO.File.ReadAllLinesAsync(counted.File);
        Assert.That(lines, Has.Length.EqualTo(5).And.All.Match($"^ +[1-5] +[0-9.]+ .*{Talk}.* udp length "));
        Assert.That(Audit(agent).Where(line => line.Contains("Tap began", StringComparison.Ordinal)),
            Has.One.Contains($"filter udp port {Talk}, limits 5 frames, ").And.One.Contains("filter none, limits 0.5 s, "));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_reader_that_goes_ends_it(bool traffic)
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(_node, "shop/api", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(_api.HostLink);
        tap.Abandon();
        if (traffic) UdpTalk.Echo(_api, _db, _db.Ipv4, Talk);
        Assert.That(await tap.EndedAsync(), Is.Zero, tap.Said);
        Assert.That(tap.Said, Does.EndWith("the reader has gone"));
    }

    [Test]
    public async Task A_reader_that_stops_costs_frames_of_the_tap_and_none_of_the_mirror()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(_node, "shop/api");
        await tap.BegunAsync(_api.HostLink);
        tap.Pause();
        // More than the pipe, the ring and what waits hold together.
        const int Bytes = 24_000_000;
        Assert.That(await BulkTcp.RunAsync(_api, _db, _db.Ipv4, 20e6, Bytes, default), Is.EqualTo(Bytes));
        AgentReading settled = await agent.SettledAsync(Bytes / 65536);
        Assert.That(settled.Ledger.Losses["kernel_ring"], Is.Zero, settled.ToString());
        tap.Terminate();
        Assert.That(await tap.EndedAsync(), Is.EqualTo(1));
        Assert.That(tap.Said, Does.EndWith("shop/api: whoever reads the capture takes nothing more, so it has no end"));
        await Eventually.ThatAsync(
            () => Audit(agent).Any(line => line.Contains("Tap ended", StringComparison.Ordinal)), "its end is on record");
    }

    [Test]
    public async Task A_pod_that_comes_back_under_its_name_is_followed()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(_node, "shop/api", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(_api.HostLink);
        UdpTalk.Echo(_api, _db, _db.Ipv4, Talk);
        agent.WritePods(("shop", _db), ("security", _sensor));
        _node.Remove(_api);
        await Eventually.ThatAsync(
            () => tap.Said.Contains("pod shop/api has gone; one of the same name is waited for", StringComparison.Ordinal), tap.Said);
        PodNetwork again = _node.AddRouted("api");
        agent.WritePods(("shop", again), ("shop", _db), ("security", _sensor));
        await Eventually.ThatAsync(() => tap.Said.Split("tapping").Length == 3, "it goes on");
        UdpTalk.Echo(again, _db, _db.Ipv4, Talk);
        await agent.KillAsync();
        Assert.That(await tap.EndedAsync(), Is.EqualTo(1));
        Assert.That(tap.Said, Does.EndWith("the agent has gone, and with it its leave to tap shop/api"));
        Assert.That((await ReadAsync(tap.File)).Select(frame => frame.Last("ip.src")).Distinct(),
            Is.EquivalentTo(new[] { $"{_api.Ipv4}", $"{again.Ipv4}", $"{_db.Ipv4}" }));
        Assert.That(HostTool.Run("capinfos", "-I", tap.File), Does.Contain("Number of interfaces in file: 2"));
    }

    private static string[] Audit(AgentOnNode agent) =>
        [.. agent.Log.Split('\n').Where(line => line.Contains("] Tap ", StringComparison.Ordinal))];

    /// <summary>The frames of a file that is whole, by capinfos's and tshark's word.</summary>
    private static async Task<IReadOnlyList<DecodedFrame>> ReadAsync(string file)
    {
        foreach (string[] command in (string[][])[["capinfos", file], ["tshark", "-n", "-r", file]])
        {
            // tshark warns of running as root where it may not.
            ProgramRun run = HostTool.RunToEnd(new ProcessStartInfo(command[0], command[1..]));
            Assert.That((run.Code, run.Errors.Replace("Running as user \"root\" and group \"root\". This could be dangerous.\n", "")),
                Is.EqualTo(((int?)0, "")), run.Output);
        }

        // The judge's own reader knows pcap only.
        HostTool.Run("editcap", "-F", "nsecpcap", file, file + ".converted");
        return await Tshark.DecodeAsync(file + ".converted");
    }

    private AgentOnNode Agent() => Agent(("shop", _db));

    private AgentOnNode Agent((string Namespace, PodNetwork Pod) db) =>
        new(_node, AgentFiles.Selected, ("shop", _api), db, ("security", _sensor));
}
