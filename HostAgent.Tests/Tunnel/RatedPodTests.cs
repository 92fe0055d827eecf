using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Selection;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A rule's rate on real links, judged by tshark at the sensor.</summary>
internal sealed class RatedPodTests
{
    private const int Small = 50, Datagrams = 20;

    private static readonly RateLimit Rate = RateLimit.Parse("100Mbit")!.Value;

    [TestCase(1)]
    [TestCase(2)]
    public async Task Beside_an_elephant_small_flows_are_whole_and_all_together_is_within_the_rate(int shards)
    {
        using var at = new MirroredNode(shards: shards) { Traffic = RuleTraffic.All with { Rate = Rate } };
        PodNetwork a = at.Node.AddRouted("a"), b = at.Node.AddRouted("b");
        at.Silence(a);
        at.Silence(b);
        at.Mirror(7, a);
        await using LinkCapture sniffed = await at.SniffAsync();
        long start = Stopwatch.GetTimestamp();
        using Socket echo = b.OpenSocket(a.Ipv4, SocketType.Dgram);
        echo.Bind(new IPEndPoint(b.Ipv4, 7001));
        Socket[] small = [.. Enumerable.Range(0, Small).Select(i => Open(a, 20_000 + i))];
        try
        {
            await TalkAsync(small, echo, b);
            Task<long> elephant = BulkTcp.RunAsync(a, b, b.Ipv4, 125e6, 60_000_000, default);
            for (int round = 1; round < Datagrams; round++) await TalkAsync(small, echo, b);
            await elephant;
        }
        finally
        {
            Array.ForEach(small, socket => socket.Dispose());
        }

        LedgerSnapshot ledger = await at.SettledAsync(1);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Assert.That(ledger.Lost(LossReason.Rate), Is.Positive.And.EqualTo(ledger.Losses.Sum()), ledger.InWords());
        Assert.That(ledger.BytesDelivered, Is.LessThanOrEqualTo((Rate.PerSecond / 8 * seconds) + TokenBucket.DepthOf(Rate)));
        Assert.That(at.LostOf(a), Is.Zero, "nobody wanted them");

        Dictionary<string, DecodedFrame[]> flows = TunnelJudge.ByFlow(await sniffed.StopAsync());
        Assert.That(flows.Where(flow => flow.Key.StartsWith("udp", StringComparison.Ordinal)).Select(flow => flow.Value.Length),
            Is.EqualTo(Enumerable.Repeat(2 * Datagrams, Small)), "the small ones");
        long delivered = flows.Single(flow => flow.Key.StartsWith("tcp", StringComparison.Ordinal)).Value
            .Sum(frame => TunnelJudge.Number(frame, "tcp.len"));
        Assert.That(delivered, Is.InRange(100_000, 30_000_000), "the elephant");
    }

    private static Socket Open(PodNetwork pod, int port)
    {
        Socket socket = pod.OpenSocket(pod.Ipv4, SocketType.Dgram);
        socket.Bind(new IPEndPoint(pod.Ipv4, port));
        return socket;
    }

    /// <summary>One datagram of each, and its answer.</summary>
    private static async Task TalkAsync(Socket[] sockets, Socket echo, PodNetwork to)
    {
        byte[] buffer = new byte[100];
        foreach (Socket socket in sockets)
        {
            await socket.SendToAsync(new byte[50], new IPEndPoint(to.Ipv4, 7001));
            SocketReceiveFromResult received = await echo.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
            await echo.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint);
            await socket.ReceiveAsync(buffer);
        }
    }
}
