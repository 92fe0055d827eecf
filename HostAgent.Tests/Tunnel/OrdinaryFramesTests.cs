using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using PacketDotNet;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Frames as a network without offload has them: what the sensor gets is, byte for byte, what crossed the pods' own links.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class OrdinaryFramesTests
{
    private const int Vni = 0x123456;

    private IReadOnlyList<DecodedFrame> _datagrams = [];
    private readonly List<DecodedFrame> _entered = [];
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;

    [OneTimeSetUp]
    public async Task Talk()
    {
        using var node = new MirroredNode();
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db"), web = node.Node.AddBridged("web");
        PodNetwork[] pods = [api, db, web];
        foreach (PodNetwork pod in pods) pod.DisableOffload();
        await using LinkCapture sensor = await node.SniffAsync();
        LinkCapture[] captures = await Task.WhenAll(pods.Select(pod => LinkCapture.StartAsync(pod, "tcp or udp")));
        try
        {
            node.Mirror(Vni, pods);
            await Task.WhenAll(
                ShortHttp.RunAsync(api, db, db.Ipv4, 1000, 30, default),
                ShortHttp.RunAsync(web, api, api.Ipv6!, 1000, 30, default),
                DnsQueries.RunAsync(db, web, web.Ipv4, 1000, 30, default),
                DnsQueries.RunAsync(api, db, db.Ipv6!, 1000, 30, default),
                BulkTcp.RunAsync(api, web, web.Ipv4, 1e9, 400_000, default),
                BulkTcp.RunAsync(db, web, web.Ipv6!, 1e9, 400_000, default),
                SmallUdp.RunAsync(web, db, db.Ipv4, 5000, 200, 64, default));
            // From here on nothing more is mirrored, not even what the kernels say of their own accord: the ledger and the sensor end at
            // the same frame.
            await node.SettledAsync();
            node.Mirror(Vni);
            _ledger = await node.SettledAsync();
            IReadOnlyList<DecodedFrame>[] decoded = await Task.WhenAll(
                [sensor.StopAsync(), .. captures.Select(capture => capture.StopAsync())]);
            _datagrams = TunnelJudge.Judge(decoded[0]);
            for (int i = 0; i < pods.Length; i++)
            {
                string mac = MirroredNode.MacOf(pods[i]);
                _entered.AddRange(decoded[i + 1].Where(frame => frame.First("eth.src") == mac));
            }
        }
        finally
        {
            foreach (LinkCapture capture in captures) await capture.DisposeAsync();
        }
    }

    [Test]
    public void Every_frame_that_left_a_pod_is_at_the_sensor_once_and_unchanged()
    {
        Assert.That(_entered, Has.Count.GreaterThan(1000));
        DecodedFrames.AssertSame(
            _entered.Select(frame => frame.Bytes), _datagrams.Where(TunnelJudge.IsTcpOrUdp).Select(datagram => datagram.Inner));
    }

    [Test]
    public void PacketDotNet_reads_the_same_out_of_them_as_tshark_does()
    {
        int judged = 0;
        foreach (DecodedFrame datagram in _datagrams)
        {
            var outer = (IPv4Packet)Packet.ParsePacket(LinkLayers.Ethernet, datagram.Bytes).PayloadPacket;
            Assert.That(outer.ValidIPChecksum && outer.TotalLength == datagram.Bytes.Length - 14, $"outer header of {datagram}");
            var vxlan = (VxlanPacket)outer.PayloadPacket.PayloadPacket;
            Assert.That((vxlan.Flags, vxlan.Vni), Is.EqualTo((8, (uint)Vni)));
            var inner = (EthernetPacket)vxlan.PayloadPacket;
            // Not its BytesSegment, for which it writes some ICMPv6 messages anew.
            Assert.That(datagram.Bytes[inner.HeaderSegment.Offset..], Is.EqualTo(datagram.Inner));
            bool? sound = inner.PayloadPacket?.PayloadPacket switch
            {
                TcpPacket tcp => tcp.ValidChecksum,
                UdpPacket udp => udp.ValidChecksum,
                _ => null,
            };
            Assert.That(sound, Is.Not.False, $"inner checksums of {datagram}");
            if (sound is not null) judged++;
        }

        Assert.That(judged, Is.EqualTo(_datagrams.Count(TunnelJudge.IsTcpOrUdp)));
    }

    [Test]
    public void All_carry_the_VNI() => Assert.That(_datagrams.Select(datagram => datagram.Vni).Distinct(), Is.EqualTo([Vni]));

    [Test]
    public void Both_directions_of_a_flow_have_one_source_port_and_the_flows_many()
    {
        (int flows, int[] ports) = TunnelJudge.Flows(_datagrams);
        Assert.That(flows, Is.GreaterThanOrEqualTo(60));
        Assert.That(ports, Has.Length.GreaterThanOrEqualTo(12), "of 16 ports");
    }

    [Test]
    public void The_outer_addresses_are_the_nodes_and_the_sensors()
    {
        Assert.That(_datagrams.Select(datagram => (datagram.First("ip.src"), datagram.First("ip.dst"))).Distinct(),
            Is.EqualTo([(NodeNetwork.Address.ToString(), "10.99.0.2")]));
        Assert.That(_datagrams.Select(datagram => datagram.First("ip.flags.df")).Distinct(), Is.EqualTo(["1"]));
    }

    [Test]
    public void The_ledger_names_the_other_half_as_duplicates()
    {
        Assert.That(_ledger.Delivered, Is.EqualTo(_datagrams.Count));
        Assert.That(_ledger.Segments, Is.EqualTo(_datagrams.Count));
        Assert.That(_ledger.Lost(LossReason.Duplicate), Is.GreaterThanOrEqualTo(_entered.Count));
        Assert.That(_ledger.Losses.Sum() - _ledger.Lost(LossReason.Duplicate) - _ledger.Lost(LossReason.OutOfScope), Is.Zero);
    }
}
