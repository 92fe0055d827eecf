using HostAgent.Accounts;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Rules with expressions on real links, judged by tshark at the sensor.</summary>
[Parallelizable]
public sealed class FilteredPodsTests
{
    private const int Frames = 200;

    [Test]
    public async Task One_pods_filter_and_its_change_leave_the_other_pod_whole()
    {
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.Silence(api);
        node.Silence(db);
        Mirror(node, api, db, "tcp port 443 or udp port 53");
        await using LinkCapture sensor = await node.SniffAsync();
        byte[][] first = [.. Enumerable.Range(0, Frames).SelectMany(i => Numbered(i))];
        Send(api, first);
        Send(db, first);
        byte[][] wanted = [.. Enumerable.Range(0, Frames).SelectMany(i => new[] { TalkFrames.Tcp(443, i), TalkFrames.Udp(53, i) })];
        LedgerSnapshot ledger = await node.SettledAsync(wanted.Length + first.Length);
        Assert.That((ledger.Seen, ledger.Delivered), Is.EqualTo((wanted.Length + first.Length, wanted.Length + first.Length)));

        // Another filter, again and again, while the other pod talks.
        var passing = new List<byte[]>();
        bool changed = false;
        Task talk = Task.Run(() =>
        {
            using var injector = new FrameInjector(db);
            for (int i = Frames; !Volatile.Read(ref changed); i++)
            {
                byte[] frame = TalkFrames.Udp(54, i);
                injector.Send(frame);
                passing.Add(frame);
                // Each of them is decoded at the end.
                if (i % 20 == 0) Thread.Sleep(1);
            }
        });
        for (int i = 0; i < 20; i++)
        {
            long seen = node.Ledger.Seen;
            Mirror(node, api, db, i % 2 == 0 ? "udp port 54" : "tcp port 443 or udp port 53");
            await Eventually.ThatAsync(() => node.Ledger.Seen > seen + 20, "the other pod talks");
        }

        Mirror(node, api, db, "udp port 54");
        Volatile.Write(ref changed, true);
        await talk;
        Send(api, first);
        long all = ledger.Seen + passing.Count + Frames;
        LedgerSnapshot after = await node.SettledAsync(all);
        Assert.That((after.Seen, after.Delivered, after.InFlight), Is.EqualTo((all, all, 0)), string.Join(' ', after.Losses));
        IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(await sensor.StopAsync());
        DecodedFrames.AssertSame(
            [.. wanted, .. Enumerable.Range(0, Frames).Select(i => TalkFrames.Udp(54, i))],
            datagrams.Where(frame => frame.Vni == 1).Select(frame => frame.Inner));
        DecodedFrames.AssertSame([.. first, .. passing], datagrams.Where(frame => frame.Vni == 2).Select(frame => frame.Inner));
        Assert.That((node.LostOf(api), node.LostOf(db)), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task What_the_kernel_rejects_is_estimated_beside_the_ledger()
    {
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db"), web = node.Node.AddRouted("web");
        foreach (PodNetwork pod in new[] { api, db }) node.Silence(pod);
        // What IPv6 said before it was silenced.
        long before = node.FramesOn(api);
        Mirror(node, api, db, "udp port 53");
        for (int i = 0; i < Frames; i++) Send(api, [.. Numbered(i)]);
        // Super-frames among them.
        Assert.That(await BulkTcp.RunAsync(api, web, web.Ipv4, 1e9, 5_000_000, default), Is.EqualTo(5_000_000));
        long carried = node.FramesOn(api) - before;
        await node.SettledAsync(Frames);
        await Eventually.ThatAsync(() =>
        {
            Mirror(node, api, db, "udp port 53");
            return node.RejectedOf(api) >= carried - Frames;
        }, "the links are looked at");
        Assert.That(node.RejectedOf(api), Is.InRange(carried - Frames, node.FramesOn(api) - before - Frames));
        Assert.That(node.RejectedOf(db), Is.Null);
        LedgerSnapshot ledger = node.Ledger;
        Assert.That((ledger.Seen, ledger.Delivered), Is.EqualTo((Frames, Frames)), "what is rejected is not on it");
    }

    [Test]
    public async Task What_is_always_wanted_is_in_every_sample()
    {
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api");
        node.Silence(api);
        // Of so few flows it holds none, mostly.
        node.Traffic = RuleTraffic.All with
        {
            Sample = new SampleShare(1, SampleShare.Finest),
            Filter = FrameFilter.Compile("udp"),
            Always = FrameFilter.Compile("udp port 53 or icmp or tcp"),
        };
        node.Mirror(7, api);
        await using LinkCapture sensor = await node.SniffAsync();
        for (int i = 0; i < Frames; i++) Send(api, [.. Numbered(i)]);
        LedgerSnapshot ledger = await node.SettledAsync(2 * Frames);
        Assert.That((ledger.Seen, ledger.Delivered, ledger.Lost(LossReason.Sample)), Is.EqualTo((2 * Frames, Frames, Frames)));
        DecodedFrames.AssertSame(Enumerable.Range(0, Frames).Select(i => TalkFrames.Udp(53, i)),
            TunnelJudge.Judge(await sensor.StopAsync()).Select(frame => frame.Inner));
    }

    private static IEnumerable<byte[]> Numbered(int i) =>
        [TalkFrames.Tcp(443, i), TalkFrames.Udp(53, i), TalkFrames.Udp(54, i), TalkFrames.Tcp(80, i)];

    private static void Send(PodNetwork pod, byte[][] frames)
    {
        using var injector = new FrameInjector(pod);
        foreach (byte[] frame in frames) injector.Send(frame);
    }

    private static void Mirror(MirroredNode node, PodNetwork api, PodNetwork db, string filter)
    {
        node.TrafficOf = pod => pod == api ? RuleTraffic.All with { Filter = FrameFilter.Compile(filter) } : RuleTraffic.All;
        node.Mirror([node.EndpointOf(node.Sensor)], (api, 1), (db, 2));
    }
}
