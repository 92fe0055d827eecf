using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Tests.Filters;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>A filter expression on links: in the kernel where it can be, and with the same answer where it cannot.</summary>
[TestFixture]
[Parallelizable]
internal sealed class FilteredCaptureTests
{
    [Test]
    public void The_kernel_keeps_out_what_does_not_match_and_heads_are_heads_of_what_does()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = Silent(node, "api"), db = Silent(node, "db");
        var options = new CaptureOptions { Filter = FrameFilter.Compile("udp port 53 or ether proto 0x88b5") };
        using ICapture capture = node.Namespace.Run(() => new RingCaptureFactory(options).Open(1).Single());
        byte[] dns = Udp(53, 400), other = Udp(54, 400), odd = FrameBuilder.Ethernet(0x88B5, new byte[300]);
        LinkParts[][] needs =
        [
            [],
            [new(api.HostIndex, ulong.MaxValue)],
            [new(api.HostIndex, 1ul << DamagedFrame.PartOf(dns)), new(db.HostIndex, ulong.MaxValue)],
        ];
        foreach (LinkParts[] parts in needs)
        {
            capture.NeedHeadsOnly(parts);
            Assert.That(capture.SetLinks([new(api.HostIndex), new(db.HostIndex)]), "in the kernel");
            foreach (PodNetwork pod in new[] { api, db })
            {
                using var injector = new FrameInjector(pod);
                foreach (byte[] frame in new[] { dns, other, odd, other }) injector.Send(frame);
            }

            int At(PodNetwork pod, byte[] frame) =>
                parts.Any(p => p.Link == pod.HostIndex && (p.Parts == ulong.MaxValue || ReferenceEquals(frame, dns)))
                    ? FlowPart.HeadBytes
                    : frame.Length;
            Assert.That(Read(capture, 4).Select(frame => (frame.LinkIndex, frame.Length)),
                Is.EqualTo(new[]
                {
                    (api.HostIndex, At(api, dns)), (api.HostIndex, At(api, odd)), (db.HostIndex, At(db, dns)), (db.HostIndex, At(db, odd)),
                }));
        }

        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(12, 0, 0, 0)), "what is rejected is not counted");
    }

    [TestCase("vlan 9", new[] { 9 }, TestName = "A tag beside the frame is judged as if it were inside: vlan")]
    [TestCase("vlan and udp", new[] { 9, 10 },
        TestName = "A tag beside the frame is judged as if it were inside: vlan and what follows it")]
    [TestCase("udp", new[] { 0 }, TestName = "A tag beside the frame is judged as if it were inside: a filter for frames without")]
    public async Task A_tag_beside_the_frame(string expression, int[] delivered)
    {
        using var node = new MirroredNode(filter: FrameFilter.Compile(expression));
        PodNetwork api = node.Node.AddRouted("api");
        node.Silence(api);
        node.Mirror(7, api);
        await using LinkCapture sensor = await node.SniffAsync();
        CraftedFrame[] frames = [.. new[] { 9, 10, 0 }
            .Select(id => CraftedFrame.Udp("", new("10.60.0.1", Tags: id == 0 ? null : [0x81, 0, 0, (byte)id]), 200))];
        using (var injector = new FrameInjector(api)) foreach (CraftedFrame frame in frames) injector.Send(frame);
        LedgerSnapshot ledger = await node.SettledAsync(2);
        bool untagged = delivered.Contains(0);
        Assert.That((ledger.Seen, ledger.Delivered, ledger.Lost(LossReason.Filter)),
            Is.EqualTo((untagged ? 3 : 2, delivered.Length, untagged ? 2 : 2 - delivered.Length)),
            "the kernel decides on the frame without a tag");
        string[] ids = [.. TunnelJudge.Judge(await sensor.StopAsync()).Select(frame => frame.Last("vlan.id") ?? "0")];
        Assert.That(ids, Is.EqualTo(delivered.Select(id => $"{id}")));
        Assert.That(node.LostOf(api), Is.Zero, "no loss to the pod");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task What_the_kernel_has_no_room_for_is_decided_later_with_the_same_answer(bool inKernel)
    {
        // Beside the instructions for the links this is more than the kernel takes, or just not.
        int hosts = 2100;
        FrameFilter filter = Filter(inKernel ? 100 : hosts);
        while (!inKernel && LinkFilter.For([new(1)], filter) is not null) filter = Filter(++hosts);
        using var node = new MirroredNode(filter: filter);
        PodNetwork api = node.Node.AddRouted("api");
        node.Silence(api);
        node.Mirror(7, api);
        Assert.That(node.FiltersInKernel, Is.EqualTo(inKernel));
        await using LinkCapture sensor = await node.SniffAsync();
        CraftedFrame super = CraftedFrame.Udp("", new("10.60.0.1"), 3000, 500);
        using (var injector = new FrameInjector(api))
        {
            for (int i = 0; i < 20; i++)
            {
                injector.Send(Udp(53, 100));
                injector.Send(Udp(54, 100));
                injector.Send(super);
            }
        }

        LedgerSnapshot ledger = await node.SettledAsync(20);
        Assert.That((ledger.Seen, ledger.Delivered, ledger.Lost(LossReason.Filter)),
            Is.EqualTo((inKernel ? 20 : 60, 20, inKernel ? 0 : 40)));
        DecodedFrames.AssertSame(
            Enumerable.Repeat(Udp(53, 100), 20), TunnelJudge.Judge(await sensor.StopAsync()).Select(frame => frame.Inner));
    }

    private static FrameFilter Filter(int hosts) => FrameFilter.Compile($"udp port 53 or {FrameFilterTests.Hosts(hosts)}");

    private static byte[] Udp(ushort port, int payload) => FrameBuilder.Ethernet(
        0x0800, FrameBuilder.Ipv4(
            "10.60.0.1", "10.60.0.2", 17, FrameBuilder.Udp("10.60.0.1", "10.60.0.2", 40000, port, new byte[payload])));

    private static PodNetwork Silent(NodeNetwork node, string name)
    {
        PodNetwork pod = node.AddRouted(name);
        node.Silence(pod);
        return pod;
    }

    private static List<Frame> Read(ICapture capture, int count)
    {
        var frames = new List<Frame>();
        while (frames.Count < count && capture.Next(5000) is { } block)
        {
            using (block) while (block.TryRead(out Frame frame)) frames.Add(frame);
        }

        return frames;
    }
}
