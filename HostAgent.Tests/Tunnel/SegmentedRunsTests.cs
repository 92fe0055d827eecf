using System.Net;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Long runs of equal datagrams that the kernel cuts: a sniffer must not be able to tell, however the sensor's link is set up.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class SegmentedRunsTests
{
    private const int Bytes = 8_000_000;

    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [SetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
    }

    [TearDown]
    public void Remove() => _node.Dispose();

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    public async Task Are_used_for_bulk_TCP_and_arrive_as_datagrams_with_a_right_checksum(bool v6, bool merged)
    {
        if (merged) _node.Policy = new SensorPolicy { Segments = SegmentLimit.Link };
        // What is sent by itself passes by the taps at the host's end (PACKET_QDISC_BYPASS); what the kernel cuts does not.
        await using LinkCapture cut = await LinkCapture.StartAsync(
            _node.Node.Namespace, _node.Sensor.HostLink, $"{MirroredNode.TunnelFrames} and greater 1000");
        IReadOnlyList<DecodedFrame> datagrams = await MirrorAsync(v6);
        int inRuns = (await cut.StopAsync()).Count, large = datagrams.Count(datagram => datagram.Bytes.Length > 1000);
        Assert.That(inRuns, Is.GreaterThan(large / 4), $"of {large}");
    }

    [Test]
    public async Task Are_not_used_where_the_link_finishes_no_checksums()
    {
        _node.Node.Namespace.Run(() => HostTool.Run("ethtool", ["-K", _node.Sensor.HostLink, "tx", "off"]));
        // There the kernel would take the checksum of a run for the sum of a pseudo-header, and TunnelJudge find wrong ones.
        await MirrorAsync(false);
    }

    [Test]
    public async Task Are_not_used_where_the_link_would_take_them_uncut()
    {
        // TunnelJudge finds datagrams that are longer than the link's MTU.
        _node.Node.Namespace.Ip($"link set {_node.Sensor.HostLink} gso_max_size 131072");
        await MirrorAsync(true);
    }

    [Test]
    public async Task Of_many_flows_do_not_mix()
    {
        // Two flows at once that share a source port: their super-frames lie side by side in the ring.
        _node.Policy = _node.Policy with { SourcePortCount = 1 };
        _node.Mirror([_node.EndpointOf(_node.Sensor)], (_api, 1), (_db, 1));
        await using LinkCapture sensor = await _node.SniffAsync();
        await Task.WhenAll(
            BulkTcp.RunAsync(_api, _db, _db.Ipv4, 1e9, Bytes, default), BulkTcp.RunAsync(_api, _db, _db.Ipv6!, 1e9, Bytes, default));
        LedgerSnapshot ledger = await _node.SettledAsync(1);
        Payload([.. TunnelJudge.Judge(await sensor.StopAsync()).Where(TunnelJudge.IsTcpOrUdp)], connections: 2);
        AssertNothingLost(ledger);
    }

    private static void AssertNothingLost(LedgerSnapshot ledger) => Assert.That(
        Enum.GetValues<LossReason>().Where(reason => reason != LossReason.Duplicate && ledger.Lost(reason) > 0)
            .Select(reason => $"{reason}: {ledger.Lost(reason)}"), Is.Empty);

    private static void Payload(IReadOnlyList<DecodedFrame> datagrams, int connections)
    {
        (int From, int To)[] flows = [.. datagrams.Where(datagram => TunnelJudge.Number(datagram, "tcp.len") > 0)
            .Select(datagram => ((int)TunnelJudge.Number(datagram, "tcp.srcport"), (int)TunnelJudge.Number(datagram, "tcp.dstport")))
            .Distinct()];
        Assert.That(flows, Has.Length.EqualTo(connections));
        foreach ((int from, int to) in flows) Assert.That(DecodedFrames.TcpPayload(datagrams, from, to), Has.Length.EqualTo(Bytes));
    }

    private async Task<IReadOnlyList<DecodedFrame>> MirrorAsync(bool v6)
    {
        IPAddress address = v6 ? _db.Ipv6! : _db.Ipv4;
        _node.Mirror([_node.EndpointOf(_node.Sensor, v6)], (_api, 1), (_db, 1));
        await using LinkCapture sensor = await _node.SniffAsync();
        Assert.That(await BulkTcp.RunAsync(_api, _db, address, 2e9, Bytes, default), Is.EqualTo(Bytes));
        LedgerSnapshot ledger = await _node.SettledAsync(1);
        AssertNothingLost(ledger);
        IReadOnlyList<DecodedFrame> datagrams = [.. TunnelJudge.Judge(await sensor.StopAsync()).Where(TunnelJudge.IsTcpOrUdp)];
        Payload(datagrams, connections: 1);
        return datagrams;
    }
}
