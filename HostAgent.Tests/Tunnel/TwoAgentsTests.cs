using System.Buffers.Binary;
using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// A second agent on a node: it does not deliver every frame once more, and takes over from the first without a gap worth mentioning.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed partial class TwoAgentsTests
{
    private const int PerSecond = 2000;

    private NodeNetwork _node = null!;
    private PodNetwork _api = null!, _db = null!, _sensor = null!;

    [SetUp]
    public void Wire()
    {
        _node = TestNode.Create();
        (_api, _db, _sensor) = (_node.AddRouted("api"), _node.AddRouted("db"), _node.AddRouted("sensor", 9000));
    }

    [TearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public async Task The_second_ends_with_one_message_and_the_first_goes_on()
    {
        await using AgentOnNode first = Agent();
        await first.ReadyAsync(1);
        await using AgentOnNode second = Agent();
        Assert.That(await second.EndedAsync(), Is.EqualTo(1), second.Log);
        Assert.That(second.Log,
            Does.StartWith("another host-agent runs on this node, process ").And.Contain("--standby").And.Not.Contain("\n"));
        await first.ReadyAsync(1);
        Assert.That(await first.EndAsync(), Is.Zero);
        await using AgentOnNode third = Agent();
        await third.ReadyAsync(1);
    }

    [Test]
    public async Task An_upgrade_under_traffic_loses_no_more_than_a_second_holds_and_doubles_nothing()
    {
        await using AgentOnNode first = Agent();
        await first.ReadyAsync(1);
        await using AgentOnNode second = Agent("--standby");
        await Eventually.ThatAsync(() => second.Log.Contains("Standing by", StringComparison.Ordinal), "the second stands by");
        await using LinkCapture sniffer = await LinkCapture.StartAsync(_sensor, MirroredNode.TunnelFrames);
        using var stop = new CancellationTokenSource();
        Task<long> traffic = Task.Run(() => SmallUdp.RunAsync(_api, _db, _db.Ipv4, PerSecond, long.MaxValue, 64, stop.Token));
        await first.UntilAsync("frames flow", reading => reading.Ledger.Delivered > PerSecond);

        Assert.That(await first.EndAsync(), Is.Zero);
        AgentReading after = await second.UntilAsync("frames flow on", reading => reading.Ledger.Delivered > PerSecond);
        Assert.That(after.Status.Warnings, Is.Empty);
        await stop.CancelAsync();
        // The last one is empty.
        long sent = await traffic - 1;
        AgentReading end = await second.SettledAsync();

        Match drained = Drained().Match(first.Log);
        Assert.That(drained.Success, first.Log);
        (long seenBefore, long deliveredBefore) = (long.Parse(drained.Groups["seen"].Value), long.Parse(drained.Groups["delivered"].Value));
        Assert.That(seenBefore + end.Ledger.Seen, Is.GreaterThanOrEqualTo(sent - PerSecond), "the generator's count and both ledgers'");
        IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(await sniffer.StopAsync());
        Assert.That(datagrams, Has.Count.LessThanOrEqualTo(deliveredBefore + end.Ledger.Delivered),
            "frames of before the capture are on the ledgers only");
        long[] numbers = [.. datagrams
            .Where(datagram => datagram.Way() == $"{_api.Ipv4} > {_db.Ipv4}" && datagram.InnerUdpPayload().Length == 64)
            .Select(datagram => BinaryPrimitives.ReadInt64BigEndian(datagram.InnerUdpPayload()))];
        Assert.That(numbers, Is.Unique, "no frame came from both");
        Assert.That(sent - numbers.Length, Is.InRange(0, PerSecond), "what nobody mirrored");
        TestContext.Out.WriteLine(
            $"{sent} sent, {sent - numbers.Length} mirrored by nobody: {(sent - numbers.Length) * 1000 / PerSecond} ms");
    }

    [Test]
    public async Task A_standby_takes_over_from_one_that_is_killed_and_the_next_waits_for_it()
    {
        await using AgentOnNode first = Agent();
        await first.ReadyAsync(1);
        await using AgentOnNode second = Agent("--standby"), third = Agent("--standby");
        await Eventually.ThatAsync(
            () => new[] { second, third }.All(agent => agent.Log.Contains("Standing by", StringComparison.Ordinal)), "both stand by");
        await first.KillAsync();
        await second.ReadyAsync(1);
        await Eventually.ThatAsync(() => Mirroring(second) != Mirroring(third), "one of them mirrors");
        (AgentOnNode mirrors, AgentOnNode waits) = Mirroring(second) ? (second, third) : (third, second);
        Assert.That(await waits.EndAsync(), Is.Zero, "while it waits, too, it ends when it is told to");
        await mirrors.ReadyAsync(1);
    }

    [Test]
    public async Task One_that_stands_by_alone_mirrors_at_once()
    {
        await using AgentOnNode only = Agent("--standby");
        await only.ReadyAsync(1);
    }

    [TestCase("65534", TestName = "A stranger who holds the name does not keep the node from being seen, and is named")]
    [TestCase("0", TestName = "Root is taken for an agent")]
    public async Task Whoever_holds_the_name(string user)
    {
        Require.Program("setpriv", "util-linux");
        Require.Program("perl");
        await using ChildProcess squatter = ChildProcess.Start(
            _node.Namespace, "setpriv", $"--reuid={user}", "--clear-groups", "perl", "-MSocket", "-e",
            "$| = 1; socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un(\"\\0host-agent\")) && listen(S, 1) or die $!; "
                + "print \"held\\n\"; <STDIN>");
        Assert.That(await squatter.ReadLineAsync(default), Is.EqualTo("held"), squatter.Errors);
        await using AgentOnNode agent = Agent();
        if (user == "0")
        {
            Assert.That(await agent.EndedAsync(), Is.EqualTo(1));
            Assert.That(agent.Log, Does.Contain($"process {squatter.Id}"));
            return;
        }

        AgentReading reading = await agent.ReadyAsync(1);
        Assert.That(reading.Status.Warnings.Single(), Does.Contain("@host-agent").And.Contain($"user {user}, process {squatter.Id}"));
        Assert.That(agent.Log, Does.Contain("@host-agent"));
    }

    private static bool Mirroring(AgentOnNode agent) => agent.Log.Contains("Mirroring on node", StringComparison.Ordinal);

    private AgentOnNode Agent(params string[] further) =>
        new(_node, AgentFiles.Selected, [], [("shop", _api), ("unscoped", _db), ("security", _sensor)], further);

    [GeneratedRegex(@"Drained: seen (?<seen>\d+) = delivered (?<delivered>\d+)")]
    private static partial Regex Drained();
}
