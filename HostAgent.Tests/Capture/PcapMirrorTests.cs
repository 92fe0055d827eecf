using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>The whole mirror on libpcap, with pods that use offload.</summary>
[Parallelizable]
internal sealed class PcapMirrorTests
{
    [Test]
    public async Task Super_frames_come_whole_with_finished_checksums_and_the_ledger_balances()
    {
        using var node = new MirroredNode(sensorMtu: 1500, pcap: true);
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        await using LinkCapture sensor = await node.SniffAsync();
        node.Mirror(7, api);
        const int Bytes = 4_000_000;
        Assert.That(await BulkTcp.RunAsync(api, db, db.Ipv4, 5e8, Bytes, default), Is.EqualTo(Bytes));
        await SmallUdp.RunAsync(api, db, db.Ipv6!, 1000, 100, 64, default);
        await node.SettledAsync(100);
        node.Mirror(7);
        LedgerSnapshot ledger = await node.SettledAsync();
        Assert.That((ledger.InFlight, ledger.Delivered + ledger.Losses.Sum()), Is.EqualTo((0, ledger.Seen)));
        Assert.That(ledger.Delivered, Is.GreaterThan(100));
        // Checksums of every layer are judged here.
        IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(await sensor.StopAsync(), mtu: 1500);
        Assert.That(datagrams, Has.Count.EqualTo(ledger.Delivered));
        Assert.That(datagrams.Max(datagram => datagram.Inner.Length), Is.GreaterThan(2000), "not cut");
        DecodedFrame first = datagrams.First(datagram => datagram.Last("tcp.len") is { Length: > 3 });
        byte[] payload = DecodedFrames.TcpPayload(
            datagrams, (int)TunnelJudge.Number(first, "tcp.srcport"), (int)TunnelJudge.Number(first, "tcp.dstport"));
        Assert.That(payload, Has.Length.EqualTo(Bytes));
    }
}
