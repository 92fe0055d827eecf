using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A rule's slice on real links, judged by tshark at the sensor.</summary>
[Parallelizable]
internal sealed class SlicedFlowsTests
{
    private const int Slice = 64 << 10, Connections = 5;

    // As large as a super-frame becomes by default, with its headers.
    private const int SuperFrame = 66_000;

    [TestCase(1)]
    [TestCase(2)]
    public async Task Of_a_connection_the_sensor_has_its_begin_its_first_bytes_and_its_end(int shards)
    {
        using var at = new MirroredNode(shards: shards) { Traffic = RuleTraffic.All with { Slice = Slice } };
        PodNetwork a = at.Node.AddRouted("a"), b = at.Node.AddRouted("b");
        at.Silence(a);
        at.Silence(b);
        at.Mirror(7, a);
        LedgerSnapshot sliced;
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => TalkAsync(a, b, 16 * Slice)));
            sliced = await at.SettledAsync(1);
            Dictionary<string, DecodedFrame[]> flows = TunnelJudge.ByFlow(await sniffed.StopAsync());
            Assert.That(flows, Has.Count.EqualTo(Connections));
            foreach ((string flow, DecodedFrame[] frames) in flows)
            {
                // Segments of the super-frames repeat their headers.
                Assert.That(frames.Sum(frame => Payload(frame) + 54), Is.InRange(Slice, Slice + (2 * SuperFrame)), flow);
                Assert.That(frames.Sum(Payload), Is.InRange(Slice / 2, Slice + SuperFrame), flow);
                // A pod's kernel may send one again on a busy machine, with another time in it; a copy would be the same to the letter.
                Assert.That(frames.Where(frame => (Flags(frame) & 0x02) != 0).Select(frame => Convert.ToHexString(frame.Inner)), Is.Unique);
                Assert.That(frames.Count(frame => Flags(frame) == 0x02), Is.Positive, "SYN");
                Assert.That(frames.Count(frame => (Flags(frame) & 0x12) == 0x12), Is.Positive, "SYN-ACK");
                Assert.That(frames.Where(frame => (Flags(frame) & 0x01) != 0).Select(frame => frame.Last("tcp.srcport")).Distinct().Count(),
                    Is.EqualTo(2), "FIN of both");
            }
        }

        Assert.That(sliced.Lost(LossReason.Slice), Is.Positive.And.EqualTo(sliced.Losses.Sum()), sliced.InWords());
        Assert.That(at.LostOf(a), Is.Zero, "nobody wanted them");

        // Live: afterwards all of everything.
        at.Traffic = RuleTraffic.All;
        at.Mirror(7, a);
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            await TalkAsync(a, b, 16 * Slice);
            LedgerSnapshot whole = await at.SettledAsync(sliced.Seen + 1);
            Assert.That(whole.Losses, Is.EqualTo(sliced.Losses));
            // A pod's kernel may send one again.
            DecodedFrame[] frames = TunnelJudge.ByFlow(await sniffed.StopAsync()).Single().Value;
            Assert.That(frames.Where(frame => Payload(frame) > 0).DistinctBy(frame => frame.Last("tcp.seq_raw")).Sum(Payload),
                Is.EqualTo(16 * Slice));
        }
    }

    [Test]
    public async Task Of_an_elephant_the_kernel_keeps_hardly_anything_and_its_end_is_there()
    {
        using var at = new MirroredNode { Traffic = RuleTraffic.All with { Slice = Slice } };
        PodNetwork a = at.Node.AddRouted("a"), b = at.Node.AddRouted("b");
        at.Silence(a);
        at.Silence(b);
        at.Mirror(7, a);
        long crossed = at.FramesOn(a);
        await using LinkCapture sniffed = await at.SniffAsync();
        await BulkTcp.RunAsync(a, b, b.Ipv4, 250e6, 250_000_000, default);
        LedgerSnapshot ledger = await at.SettledAsync(1);
        crossed = at.FramesOn(a) - crossed;
        Assert.That(ledger.Seen, Is.LessThan(crossed / 4), $"of {crossed} frames");
        Assert.That(ledger.Seen + ledger.UnseenEstimate, Is.EqualTo(crossed).Within(80).Percent, "the estimate");
        Assert.That(ledger.Lost(LossReason.Slice), Is.EqualTo(ledger.Losses.Sum()), ledger.InWords());
        DecodedFrame[] frames = TunnelJudge.ByFlow(await sniffed.StopAsync()).Single().Value;
        DecodedFrame[] ends = [.. frames.Where(frame => (Flags(frame) & 0x03) != 0)];
        Assert.That(ends.Select(frame => (Flags(frame) & 0x03, frame.Last("tcp.srcport"))).Distinct(),
            Has.Exactly(4).Items, "SYN and FIN of both");
        Assert.That(ends.Select(frame => Convert.ToHexString(frame.Inner)), Is.Unique, "one that is sent again has another time in it");

        // The next one, and what other flows have, comes whole.
        await TalkAsync(a, b, Slice / 2);
        LedgerSnapshot after = await at.SettledAsync(ledger.Seen + 1);
        Assert.That(after.Losses, Is.EqualTo(ledger.Losses));
    }

    /// <summary>All is read before the ends, so that these have no data.</summary>
    private static async Task TalkAsync(PodNetwork from, PodNetwork to, int bytes)
    {
        using Socket listener = to.Listen(to.Ipv4, 0);
        using Socket client = from.OpenSocket(to.Ipv4, SocketType.Stream);
        await client.ConnectAsync(listener.LocalEndPoint!);
        using Socket server = await listener.AcceptAsync();
        Task received = ReceiveAsync(server, bytes);
        await SendAsync(client, bytes);
        await received;
        client.Shutdown(SocketShutdown.Send);
        await ReceiveAsync(server, 1);
        server.Shutdown(SocketShutdown.Send);
        await ReceiveAsync(client, 1);
    }

    private static async Task SendAsync(Socket socket, int bytes)
    {
        byte[] buffer = new byte[bytes];
        new Random(bytes).NextBytes(buffer);
        for (int sent = 0; sent < bytes;) sent += await socket.SendAsync(buffer.AsMemory(sent));
    }

    /// <summary>Returns early at the connection's end.</summary>
    private static async Task ReceiveAsync(Socket socket, int bytes)
    {
        byte[] buffer = new byte[1 << 16];
        for (int received = 0, now = 1; received < bytes && now > 0; received += now) now = await socket.ReceiveAsync(buffer);
    }

    private static int Payload(DecodedFrame frame) => (int)TunnelJudge.Number(frame, "tcp.len");

    private static int Flags(DecodedFrame frame)
    {
        byte[] inner = frame.Inner;
        return inner[14 + ((inner[14] & 15) * 4) + 13];
    }
}
