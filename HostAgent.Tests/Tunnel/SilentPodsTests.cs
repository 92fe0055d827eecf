using HostAgent.Accounts;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Tests.Links;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Pods on real links that the sensor misses, for a fault that the tests make.</summary>
[Parallelizable]
internal sealed class SilentPodsTests
{
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(30), Round = TimeSpan.FromSeconds(5);

    private readonly HandClock _clock = new();
    private FaultyFilter _filter = null!;

    [Test]
    public async Task A_kernel_filter_that_rejects_all_is_a_warning_with_the_pods_name_until_it_is_mended()
    {
        using MirroredNode node = Node();
        (PodNetwork api, PodNetwork db, PodNetwork idle) =
            (node.Node.AddRouted("api"), node.Node.AddRouted("db"), node.Node.AddRouted("idle"));
        PodNetwork[] pods = [api, db, idle];
        Array.ForEach(pods, node.Silence);
        await UntilAsync(node, pods, () => Talk(api, db), _ => _clock.GetTimestamp() > 2 * Promise.Ticks);
        Assert.That(node.Warnings, Is.Empty, "all is well");

        _filter.OnlyLet("greater 65535");
        string warning = (await UntilAsync(node, pods, () => Talk(api, db), warnings => warnings.Length > 0)).Single();
        Assert.That(warning, Does.StartWith("pods ").And.Contain("/api").And.Contain("/db").And.Not.Contain("/idle")
            .And.Contain("none of them was captured"));
        Assert.That(node.SilentPods, Is.EqualTo(2));

        _filter.OnlyLet(null);
        await UntilAsync(node, pods, () => Talk(api, db), warnings => warnings.Length == 0);
        Assert.That(node.SilentPods, Is.Zero);
    }

    [TestCase("dst host", "from the pod")]
    [TestCase("src host", "to the pod")]
    public async Task A_direction_that_the_kernel_filter_rejects_is_a_warning_with_the_pods_name(string passes, string missing)
    {
        using MirroredNode node = Node();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Silence(api);
        node.Mirror(1, api);
        _filter.OnlyLet($"{passes} {api.Ipv4}");
        string warning = (await UntilAsync(
            node, [api], () => ShortHttp.RunAsync(db, api, api.Ipv4, 1000, 10, default).Wait(), warnings => warnings.Length > 0)).Single();
        Assert.That(warning, Does.Contain("/api: ").And.Contain(api.HostLink).And.Contain($"frames {missing}"));
        _filter.OnlyLet(null);
        await UntilAsync(
            node, [api], () => ShortHttp.RunAsync(db, api, api.Ipv4, 1000, 10, default).Wait(), warnings => warnings.Length == 0);
    }

    [Test]
    public async Task A_pod_whose_frames_are_all_malformed_is_named_and_one_whose_frames_arrive_is_not()
    {
        using MirroredNode node = Node();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db"), web = node.Node.AddRouted("web");
        Array.ForEach([api, db, web], node.Silence);
        // A super-frame that says it is a fragment, which no segment can be cut from.
        CraftedFrame frame = CraftedFrame.Tcp("", new("10.56.0.1", Fragment: 0x2000), 3000, 1000);
        string warning = (await UntilAsync(node, [api, db], () =>
        {
            using var injector = new FrameInjector(api);
            for (int i = 0; i < 10; i++) injector.Send(frame);
            Talk(db, web);
        }, warnings => warnings.Length > 0)).Single();
        Assert.That(warning, Does.Contain("/api: ").And.Contain("lost as malformed").And.EndWith(LossReason.Malformed.Mend()!));
        await UntilAsync(node, [api, db], () => Talk(api, web), warnings => warnings.Length == 0);
    }

    [Test]
    public async Task A_rules_filter_that_lets_nothing_through_is_a_note_and_no_warning()
    {
        using MirroredNode node = Node();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Silence(api);
        node.Traffic = RuleTraffic.All with { Filter = FrameFilter.Compile("tcp port 1") };
        await UntilAsync(node, [api], () => Talk(api, db, count: 40), _ => node.Notes.Any());
        Assert.That(node.Notes.Single(), Does.Match(@"/api: its rule's filter let none of \d\d\d frames through"));
        Assert.That((node.Warnings.Count(), node.SilentPods), Is.EqualTo((0, 0)));
        node.Traffic = RuleTraffic.All with { Filter = FrameFilter.Compile("udp") };
        await UntilAsync(node, [api], () => Talk(api, db), _ => !node.Notes.Any());
    }

    [Test]
    public async Task The_agent_says_so_within_half_a_minute_and_no_longer_than_it_lasts()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api));
        await agent.UntilAsync("it is captured", reading => reading.Captured.Any());
        using var end = new CancellationTokenSource();
        Task<long> talk = SmallUdp.RunAsync(api, db, db.Ipv4, 50, long.MaxValue, 64, end.Token);
        AgentReading reading = await agent.UntilAsync("a warning", reading => reading.Status.Warnings.Any(IsOfPod));
        Assert.That(reading.Status.Warnings.Single(IsOfPod), Does.Contain("frames within 15 s were lost as no_sensor"));
        Assert.That(await agent.MetricAsync("hostagent_silent_pods"), Is.EqualTo(1));
        Assert.That(agent.Log, Does.Contain("The sensor misses pod shop/api: "));

        agent.WritePods(("shop", api), (AgentFiles.Security, sensor));
        await agent.UntilAsync("no warning", reading => !reading.Status.Warnings.Any(IsOfPod));
        Assert.That(await agent.MetricAsync("hostagent_silent_pods"), Is.Zero);
        Assert.That(agent.Log, Does.Contain("The sensor misses no pod any more"));
        await end.CancelAsync();
        Assert.That(await talk, Is.Positive);

        static bool IsOfPod(string warning) => warning.StartsWith("pod shop/api: ", StringComparison.Ordinal);
    }

    private static void Talk(PodNetwork from, PodNetwork to, int count = 10) => UdpTalk.Echo(from, to, to.Ipv4, 7002, count);

    private MirroredNode Node() => new(around: captures => _filter = new FaultyFilter(captures), clock: _clock);

    /// <summary>Round after round, as an agent's, until something is so; by the clock no longer than is promised.</summary>
    private async Task<string[]> UntilAsync(MirroredNode node, PodNetwork[] pods, Action talk, Predicate<string[]> condition)
    {
        long limit = _clock.GetTimestamp() + (_clock.GetTimestamp() == 0 ? 3 : 1) * Promise.Ticks;
        while (true)
        {
            node.Mirror(1, pods);
            string[] warnings = [.. node.Warnings];
            if (condition(warnings)) return warnings;
            Assert.That(_clock.GetTimestamp(), Is.LessThan(limit), string.Join('\n', warnings.Append("no more in the time promised")));
            _clock.Advance(Round);
            talk();
            await node.SettledAsync();
        }
    }
}
