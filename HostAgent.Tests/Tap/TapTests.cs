using System.Globalization;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Tap;

/// <summary>The command as an analyst runs it, beside a running agent; capinfos and tshark judge what it wrote.</summary>
[TestFixture]
[Parallelizable]
internal sealed class TapTests : TapFixture
{
    [Test]
    public async Task A_pod_is_tapped_as_the_wire_had_it_and_the_mirror_does_not_notice()
    {
        await using AgentOnNode agent = Agent();
        AgentReading ready = await agent.ReadyAsync(2);
        await using var tap = new TapProcess(Node, "shop/api", "--write", "-");
        await tap.BegunAsync(Api.HostLink);
        await using LinkCapture pod = await LinkCapture.StartAsync(Api, "tcp or udp");
        const int Bytes = 2_000_000;
        await BulkTcp.RunAsync(Api, Db, Db.Ipv4, 1e9, Bytes, default);
        UdpTalk.Echo(Api, Db, Db.Ipv4, Talk, count: 20, size: 1472);
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
        Assert.That(infos, Does.Contain($"Name = {Api.HostLink}\n").And.Contain($"pod shop/api, uid {uid}, address {Api.Ipv4}"));
        Assert.That(infos, Does.Contain("Time ticks per second = 1000000000").And.Contain("Number of stat entries = 1"));
        AgentReading settled = await agent.SettledAsync();
        Assert.That(settled.Ledger.Losses["kernel_ring"] + settled.Ledger.Losses["overload"], Is.Zero, settled.ToString());
        Assert.That(await agent.EndAsync(), Is.Zero);
        string[] audit = Audit(agent);
        Assert.That(audit[0], Does.Contain($"Tap began: pod shop/api uid {uid}, rule all, links {Api.HostLink}, filter none, ")
            .And.Contain("limits none, by 127.0.0.1:")
            .And.Contain(", user 0, ").And.Match(" process [0-9]+, ").And.Contain("host-agent").And.Contain(" tap shop/api --write -"));
        Assert.That(audit[1], Does.Contain("Tap ended: pod shop/api, ").And.EndWith(" s: whoever tapped has ended it"));
    }

    [Test]
    public async Task What_is_out_of_scope_needs_a_policy_that_permits_it()
    {
        await using AgentOnNode agent = Agent(("unscoped", Db));
        await agent.ReadyAsync(1);
        await using var refused = new TapProcess(Node, "unscoped/db");
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
        await using var sensor = new TapProcess(Node, "security/sensor");
        Assert.That(await sensor.EndedAsync(), Is.EqualTo(3));
        Assert.That(sensor.Said, Does.Contain("is a sensor; sensors are never captured"));
        await using var tap = new TapProcess(Node, "unscoped/db", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(Db.HostLink);
        UdpTalk.Echo(Api, Db, Db.Ipv4, Talk);
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
            await using var nobody = new TapProcess(Node, "shop/web");
            Assert.That(await nobody.EndedAsync(), Is.EqualTo(3));
            Assert.That(nobody.Said, Is.EqualTo(
                "shop/web is not tapped: node n has no pod shop/web: kubectl get pod -o wide says on which node it is"));
            await using var filtered = new TapProcess(Node, "shop/api", "--filter", "tcp and");
            Assert.That(await filtered.EndedAsync(), Is.EqualTo(1));
            Assert.That(filtered.Said, Does.Contain("the filter 'tcp and' is not understood: ").And.Contain("syntax error"));
        }

        await using var alone = new TapProcess(Node, "shop/api");
        Assert.That(await alone.EndedAsync(), Is.EqualTo(1));
        Assert.That(alone.Said, Does.StartWith("no agent answers at 127.0.0.1:9460 (Connection refused").And.Not.Contain('\n'));
    }
}
