using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Pipeline;

/// <summary>One pod floods and another does not: the flood costs the pod that sends it.</summary>
[TestFixture]
[NonParallelizable]
[Category("Flood")]
internal sealed class FloodTests
{
    private const int Flows = 100, PerSecond = 1000, Seconds = 6;

    [TestCase(48_000, 60, 1, TestName = "Super-datagrams of 60 segments with one byte each")]
    [TestCase(40_000, 40, 1400, TestName = "Super-datagrams of 40 full segments")]
    [TestCase(300_000, 1, 64, TestName = "Small datagrams")]
    public async Task Its_neighbour_keeps_nearly_everything(int perSecond, int segments, int segmentSize)
    {
        using var node = new MirroredNode();
        PodNetwork a = node.Node.AddRouted("a"), b = node.Node.AddRouted("b");
        UdpTalk.Swallow(node.Node);
        node.Silence(b);
        node.Mirror(1, a, b);
        UdpTalk.Send(b, UdpTalk.Nowhere, 9, 1);
        await node.SettledAsync(1);

        // The inner source address, behind outer Ethernet, IPv4, UDP, VXLAN and inner Ethernet: b's datagrams only, or the witness would be
        // flooded, too.
        string inner = $"{MirroredNode.TunnelFrames} and ether[76:4] = 0x{Convert.ToHexStringLower(b.Ipv4.GetAddressBytes())}";
        await using LinkCapture sensor = await LinkCapture.StartAsync(node.Sensor, inner);
        long before = node.FramesOn(b);
        using (var flood = new Flood(a, UdpTalk.Nowhere, flows: 256, perSecond, segments, segmentSize))
        using (var small = new Flood(b, UdpTalk.Nowhere, Flows, PerSecond, 1, 64))
        {
            await Task.Delay(TimeSpan.FromSeconds(Seconds));
            TestContext.Out.WriteLine($"a sent {flood.Sent}, given up {string.Join(' ', node.Shedding)}");
        }

        LedgerSnapshot ledger = await node.SettledAsync();
        long sent = node.FramesOn(b) - before;
        int seen = (await sensor.StopAsync()).Count;
        TestContext.Out.WriteLine($"b: {seen} of {sent}; "
            + string.Join(", ", Enum.GetValues<LossReason>().Where(r => ledger.Lost(r) > 0).Select(r => $"{r.Name()} {ledger.Lost(r)}")));
        Assert.That(sent, Is.GreaterThan(PerSecond), "b has sent");
        Assert.That(node.LostOf(b), Is.Zero, "but in the ring");
        Assert.That(seen, Is.GreaterThanOrEqualTo(sent * 0.99));
    }

    [Test]
    public async Task A_pod_alone_may_use_everything()
    {
        using var node = new MirroredNode();
        PodNetwork a = node.Node.AddRouted("a");
        UdpTalk.Swallow(node.Node);
        node.Mirror(1, a);
        LedgerSnapshot begin, end;
        using (new Flood(a, UdpTalk.Nowhere, flows: 256, perSecond: 48_000, segments: 60, segmentSize: 1))
        {
            // Until what the runtime compiles at first is compiled.
            await Task.Delay(TimeSpan.FromSeconds(2));
            begin = node.Ledger;
            await Task.Delay(TimeSpan.FromSeconds(4));
            end = node.Ledger;
        }

        (long delivered, long seen) = (end.Delivered - begin.Delivered, end.Seen - begin.Seen);
        TestContext.Out.WriteLine($"{delivered} of {seen}, given up {string.Join(' ', node.Shedding)}");
        Assert.That(delivered, Is.GreaterThan(seen / 10), "it is not given up as a whole");
    }
}
