using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// A tunnel of the pods' own: super-frames whose transport header lies inside VXLAN. What is cut must be sound in every layer, so tshark
/// decodes both tunnels.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class PodTunnelTests
{
    private const ushort PodPort = 8472;

    [TestCase("noudpcsum", TestName = "VXLAN in a pod, without an outer checksum")]
    [TestCase("udpcsum", TestName = "VXLAN in a pod, with an outer checksum")]
    public async Task Super_frames_of_VXLAN_in_a_pod_are_cut_at_the_inner_header(string checksum)
    {
        using var node = new MirroredNode();
        PodNetwork one = node.Node.AddRouted("one"), two = node.Node.AddRouted("two");
        Join(one, two, 1, checksum);
        Join(two, one, 2, checksum);
        await using LinkCapture pod = await LinkCapture.StartAsync(one, $"udp port {PodPort}"), sensor = await node.SniffAsync();
        node.Mirror(77, one, two);
        PodNetwork target = two with { Ipv4 = System.Net.IPAddress.Parse("10.54.0.2") };
        const int Bytes = 2_000_000;
        Assert.That(await BulkTcp.RunAsync(one, target, target.Ipv4, 1e9, Bytes, default), Is.EqualTo(Bytes));
        await node.SettledAsync();
        node.Mirror(77);
        LedgerSnapshot ledger = await node.SettledAsync();
        Assert.That(ledger.Lost(LossReason.Malformed), Is.Zero);

        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(pod.StopAsync(), sensor.StopAsync());
        Assert.That(captured[0].Max(frame => frame.Bytes.Length), Is.GreaterThan(2000), "super-frames of the pods' tunnel");
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured[1]).Where(TunnelJudge.IsTcpOrUdp)];
        Assert.That(datagrams.Max(datagram => datagram.Inner.Length), Is.LessThanOrEqualTo(1514));
        IReadOnlyList<DecodedFrame> decoded = await Pcap.DecodeAsync(datagrams.Select(datagram => datagram.Inner), PodPort);
        Assert.That(decoded.Count(frame => frame.IsVxlan), Is.GreaterThan(1000));
        Assert.That(decoded.SelectMany(frame => frame.BadChecksums), Is.Empty, "in every layer");
        Assert.That(decoded.Where(frame => frame.IsMalformed), Is.Empty);
        foreach (DecodedFrame frame in decoded.Where(frame => frame.IsVxlan))
        {
            Assert.That(frame.Integer("ip.len"), Is.EqualTo(frame.Bytes.Length - 14));
            Assert.That(frame.Integer("udp.length"), Is.EqualTo(frame.Bytes.Length - 34));
        }

        DecodedFrame first = decoded.First(frame => frame.Integer("tcp.len") > 1000);
        byte[] payload = DecodedFrames.TcpPayload(decoded, first.SourceTcp(), first.DestinationTcp());
        IReadOnlyList<DecodedFrame> outside = await Pcap.DecodeAsync(captured[0].Select(frame => frame.Bytes), PodPort);
        byte[] crossed = DecodedFrames.TcpPayload(outside, first.SourceTcp(), first.DestinationTcp());
        Assert.That((crossed.Length, payload.Length), Is.EqualTo((Bytes, Bytes)));
        Assert.That(payload.AsSpan().SequenceEqual(crossed));
    }

    private static void Join(PodNetwork pod, PodNetwork other, int number, string checksum) => pod.Namespace.IpBatch(
        $"link add vx0 mtu 1450 type vxlan id 5 local {pod.Ipv4} remote {other.Ipv4} dstport {PodPort} {checksum}",
        $"addr add 10.54.0.{number}/24 dev vx0",
        "link set vx0 up");
}
