using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Governing;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A rule's sample on real links, judged by tshark at the sensor.</summary>
[Parallelizable]
public sealed class SampledFlowsTests
{
    private const int Flows = 64;
    private const int Datagrams = 5;

    [Test]
    public async Task A_flow_is_in_with_all_its_frames_or_out_and_the_ledger_says_so()
    {
        using var at = new MirroredNode { Traffic = new RuleTraffic(new SampleShare(1, 4), MirrorPriority.Normal) };
        PodNetwork a = at.Node.AddRouted("a"), b = at.Node.AddRouted("b");
        at.Silence(a);
        at.Silence(b);
        at.Mirror(7, a);
        Dictionary<string, int> whole, sampled;
        LedgerSnapshot ledger;
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            await TalkAsync(a, b);
            ledger = await at.SettledAsync(2 * Flows * Datagrams);
            sampled = FramesByFlow(await sniffed.StopAsync());
        }

        Assert.That(ledger.Lost(LossReason.Sample), Is.EqualTo(ledger.Seen - ledger.Delivered));
        Assert.That(ledger.Lost(LossReason.Sample) % (2 * Datagrams), Is.Zero, "whole flows");
        Assert.That(sampled, Has.Count.InRange(4, 30), "of 64 flows a quarter");
        Assert.That(sampled.Values, Is.All.EqualTo(2 * Datagrams), "both directions");
        Assert.That(at.LostOf(a), Is.Zero, "nobody wanted them");

        // Live, without a frame that is lost: the same flows again, and all others.
        at.Traffic = RuleTraffic.All;
        at.Mirror(7, a);
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            await TalkAsync(a, b);
            LedgerSnapshot after = await at.SettledAsync(ledger.Seen + (2 * Flows * Datagrams));
            Assert.That(after.Lost(LossReason.Sample), Is.EqualTo(ledger.Lost(LossReason.Sample)));
            whole = FramesByFlow(await sniffed.StopAsync());
        }

        Assert.That(whole, Has.Count.EqualTo(Flows));
        Assert.That(sampled.Keys, Is.SubsetOf(whole.Keys));
    }

    [Test]
    public async Task The_governors_level_comes_and_goes_without_a_lost_frame_of_any_pod()
    {
        using var at = new MirroredNode { Traffic = RuleTraffic.All with { Priority = MirrorPriority.Low } };
        PodNetwork a = at.Node.AddRouted("a"), b = at.Node.AddRouted("b");
        at.Silence(a);
        at.Silence(b);
        at.Mirror(7, a);
        Dictionary<string, int> restrained, whole;
        LedgerSnapshot ledger;
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            at.Restraint = new Restraint(GovernorLevel.SampleLow);
            at.Mirror(7, a);
            await TalkAsync(a, b);
            ledger = await at.SettledAsync(2 * Flows * Datagrams);
            restrained = FramesByFlow(await sniffed.StopAsync());
        }

        Assert.That(ledger.Losses.Sum(), Is.EqualTo(ledger.Lost(LossReason.Sample)).And.EqualTo(ledger.Seen - ledger.Delivered));
        Assert.That(restrained, Has.Count.InRange(1, 20), "of 64 flows an eighth");
        Assert.That(restrained.Values, Is.All.EqualTo(2 * Datagrams), "whole flows");

        // Levels change while the same flows are at it: what was in the sample goes on, whole.
        await using (LinkCapture sniffed = await at.SniffAsync())
        {
            Task talk = TalkAsync(a, b);
            for (int i = 0; !talk.IsCompleted; i++)
            {
                at.Restraint = new Restraint(i % 2 == 0 ? GovernorLevel.Full : GovernorLevel.SampleLow);
                at.Mirror(7, a);
                await Task.WhenAny(talk, Task.Delay(1));
            }

            await talk;
            LedgerSnapshot after = await at.SettledAsync(ledger.Seen + (2 * Flows * Datagrams));
            Assert.That(after.Losses.Sum(), Is.EqualTo(after.Lost(LossReason.Sample)));
            whole = FramesByFlow(await sniffed.StopAsync());
        }

        Assert.That(restrained.Keys, Is.SubsetOf(whole.Keys));
        Assert.That(restrained.Keys.Select(flow => whole[flow]), Is.All.EqualTo(2 * Datagrams));
    }

    private static Dictionary<string, int> FramesByFlow(IReadOnlyList<DecodedFrame> sniffed) =>
        TunnelJudge.Judge(sniffed).Select(TunnelJudge.FlowOf).OfType<string>().CountBy(flow => flow).ToDictionary();

    /// <summary>Each flow has a port of its own at <paramref name="a"/>; <paramref name="b"/> answers every datagram.</summary>
    private static async Task TalkAsync(PodNetwork a, PodNetwork b)
    {
        using Socket echo = b.OpenSocket(a.Ipv4, SocketType.Dgram);
        echo.Bind(new IPEndPoint(b.Ipv4, 7001));
        byte[] buffer = new byte[100];
        for (int flow = 0; flow < Flows; flow++)
        {
            using Socket socket = a.OpenSocket(b.Ipv4, SocketType.Dgram);
            socket.Bind(new IPEndPoint(a.Ipv4, 20_000 + flow));
            for (int i = 0; i < Datagrams; i++)
            {
                await socket.SendToAsync(new byte[50], new IPEndPoint(b.Ipv4, 7001));
                SocketReceiveFromResult received = await echo.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await echo.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint);
                await socket.ReceiveAsync(buffer);
            }
        }
    }
}
