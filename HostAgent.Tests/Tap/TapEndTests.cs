using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Tap;

/// <summary>However a tap ends: its file is whole, and the agent has it on record.</summary>
[TestFixture]
[Parallelizable]
internal sealed class TapEndTests : TapFixture
{
    [Test]
    public async Task It_ends_with_so_many_frames_or_after_so_long_and_prints_them()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        using var folder = new TemporaryDirectory();
        string file = folder.File("copy.pcapng");
        await using var counted = new TapProcess(
            Node, "shop/api", "--count", "5", "--filter", $"udp port {Talk}", "--print", "--write", file);
        await using var timed = new TapProcess(Node, "shop/api", "--duration", "500ms");
        Assert.That(await timed.EndedAsync(), Is.Zero, timed.Said);
        await ReadAsync(timed.File);
        await counted.BegunAsync(Api.HostLink);
        UdpTalk.Echo(Api, Db, Db.Ipv4, Talk, count: 10);
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
        await using var tap = new TapProcess(Node, "shop/api", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(Api.HostLink);
        tap.Abandon();
        if (traffic) UdpTalk.Echo(Api, Db, Db.Ipv4, Talk);
        Assert.That(await tap.EndedAsync(), Is.Zero, tap.Said);
        Assert.That(tap.Said, Does.EndWith("the reader has gone"));
    }

    [Test]
    public async Task A_reader_that_stops_holds_up_nobody_but_the_tap()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(Node, "shop/api");
        await tap.BegunAsync(Api.HostLink);
        tap.Pause();
        // More than a pipe holds, and on both links less than half of the mirror's ring: there it has room on the slowest machine.
        const int Bytes = 4_000_000;
        Assert.That(await BulkTcp.RunAsync(Api, Db, Db.Ipv4, 1e9, Bytes, default), Is.EqualTo(Bytes));
        AgentReading settled = await agent.SettledAsync(Bytes / 65536);
        Assert.That(settled.Ledger.Losses["kernel_ring"] + settled.Ledger.Losses["overload"], Is.Zero, settled.ToString());
        tap.Terminate();
        Assert.That(await tap.EndedAsync(), Is.EqualTo(1));
        Assert.That(tap.Said, Does.EndWith("shop/api: whoever reads the capture takes nothing more, so it has no end"));
        await Eventually.ThatAsync(
            () => Audit(agent).Any(line => line.Contains("Tap ended", StringComparison.Ordinal)), "its end is on record");
    }

    [Test]
    public async Task What_a_slow_reader_does_not_get_is_counted()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(Node, "shop/api");
        await tap.BegunAsync(Api.HostLink);
        tap.Pause();
        // More than the tap's ring, a pipe and what is being written hold together.
        await BulkTcp.RunAsync(Api, Db, Db.Ipv4, 1e9, 24_000_000, default);
        tap.Resume();
        await Eventually.ThatAsync(() => new FileInfo(tap.File).Length > 12_000_000, "what the ring held is read");
        tap.Terminate();
        Assert.That(await tap.EndedAsync(), Is.Zero, tap.Said);
        Assert.That(tap.Said, Does.Match(" s, [1-9][0-9]* dropped by the kernel: stopped$"));
        Assert.That(await ReadAsync(tap.File), Is.Not.Empty);
    }

    [Test]
    public async Task A_pod_that_comes_back_under_its_name_is_followed()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        await using var tap = new TapProcess(Node, "shop/api", "--filter", $"udp port {Talk}");
        await tap.BegunAsync(Api.HostLink);
        UdpTalk.Echo(Api, Db, Db.Ipv4, Talk);
        agent.WritePods(("shop", Db), ("security", Sensor));
        Node.Remove(Api);
        await Eventually.ThatAsync(
            () => tap.Said.Contains("pod shop/api has gone; one of the same name is waited for", StringComparison.Ordinal), tap.Said);
        PodNetwork again = Node.AddRouted("api");
        agent.WritePods(("shop", again), ("shop", Db), ("security", Sensor));
        await Eventually.ThatAsync(() => tap.Said.Split("tapping").Length == 3, "it goes on");
        UdpTalk.Echo(again, Db, Db.Ipv4, Talk);
        await agent.KillAsync();
        Assert.That(await tap.EndedAsync(), Is.EqualTo(1));
        Assert.That(tap.Said, Does.EndWith("the agent has gone, and with it its leave to tap shop/api"));
        Assert.That((await ReadAsync(tap.File)).Select(frame => frame.Last("ip.src")).Distinct(),
            Is.EquivalentTo(new[] { $"{Api.Ipv4}", $"{again.Ipv4}", $"{Db.Ipv4}" }));
        Assert.That(HostTool.Run("capinfos", "-I", tap.File), Does.Contain("Number of interfaces in file: 2"));
    }
}
