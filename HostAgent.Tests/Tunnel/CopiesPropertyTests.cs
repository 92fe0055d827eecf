using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Selection;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Random traffic of captured and uncaptured pods, routed and on a bridge, which spoof, repeat and flood, over a network that loses and
/// delays: the sensor has each frame at least as often as captured pods sent it, and at least as often as one reached captured pods; and
/// not much more often.
/// </summary>
[TestFixture]
internal sealed class CopiesPropertyTests
{
    private const int Bridge = 9, Captured = 6, Pods = 9;

    [Test]
    public void Each_frame_that_touches_a_captured_link_is_at_the_sensor([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        var ledger = new ShardLedger();
        var transport = new RecordingTransport(8950, ledger);
        // Links 3 to 5 are routed, 6 to 8 ports of the bridge; then the same of pods that are not captured.
        MirroredLink[] links = [.. Enumerable.Range(3, Captured).Select(i => TestLink.Of(i, bridge: i >= 6 ? Bridge : 0))];
        var sender = new FrameSender(ledger, 0) { Plan = new ShardPlan(new LinkTable(links), [transport], []) };
        using var memory = new GuardedMemory(256 << 10);
        Dictionary<string, int> left = [], reached = [];
        var waiting = new List<(int Link, byte[] Frame)>();
        long now = 1_700_000_000_000_000_000;
        int sightings = 0;

        for (int i = 0; i < 3000; i++)
        {
            now += random.Next(1_000_000);
            int from = 3 + random.Next(Pods), to = 3 + random.Next(Pods);
            byte[] frame = Frame(random, spoofed: random.Next(3) == 0 ? 3 + random.Next(Pods) : from, to);
            bool onBridge = IsPort(from) && IsPort(to), flooded = onBridge && (frame[0] & 1) != 0;
            int[] receivers = flooded ? [.. Enumerable.Range(3, Pods).Where(pod => IsPort(pod) && pod != from)] : [to];
            bool dropped = random.Next(10) == 0;
            if (!onBridge) Route(frame);
            if (IsCaptured(from))
            {
                left[Key(frame)] = left.GetValueOrDefault(Key(frame)) + 1;
                Tap(frame, from, toPod: false);
            }

            if (dropped) continue;
            if (receivers.Where(receiver => receiver != from).Any(IsCaptured))
                reached[Key(frame)] = reached.GetValueOrDefault(Key(frame)) + 1;
            foreach (int receiver in receivers.Where(IsCaptured).Where(receiver => receiver != from)) waiting.Add((receiver, frame));
            // A few frames may be between the links at any time; those of a flood stay together.
            while (waiting.Count > random.Next(6))
            {
                (int receiver, byte[] copy) = waiting[0];
                waiting.RemoveAt(0);
                Tap(copy, receiver, toPod: true);
            }
        }

        foreach ((int receiver, byte[] copy) in waiting) Tap(copy, receiver, toPod: true);
        Dictionary<string, int> seen = transport.Sent.CountBy(Key).ToDictionary();
        foreach (Dictionary<string, int> due in new[] { left, reached })
            Assert.That(due.Where(frame => seen.GetValueOrDefault(frame.Key) < frame.Value), Is.Empty);
        Assert.That(transport.Sent, Has.Count.LessThan(sightings), "something was a duplicate");
        int needed = left.Keys.Union(reached.Keys).Sum(frame => Math.Max(left.GetValueOrDefault(frame), reached.GetValueOrDefault(frame)));
        Assert.That(transport.Sent, Has.Count.LessThan(needed * 1.5), "delivered twice");
        sender.Plan = ShardPlan.Nothing;
        sender.AdoptPlan();

        void Tap(byte[] bytes, int link, bool toPod)
        {
            sightings++;
            sender.Send(memory.BlockOf(bytes, new Frame { LinkIndex = link, ToPod = toPod, Timestamp = now, Headroom = 64 }));
        }
    }

    private static bool IsCaptured(int pod) => pod < 3 + Captured;

    private static bool IsPort(int pod) => pod is >= 6 and <= 8 or 10 or 11;

    /// <summary>Of so few kinds that equal frames meet all the time.</summary>
    private static byte[] Frame(Random random, int spoofed, int to)
    {
        string source = $"10.62.0.{spoofed}", destination = $"10.62.0.{to}";
        byte[] udp = FrameBuilder.Udp(source, destination, (ushort)(1 + random.Next(2)), 53, [.. new byte[150], (byte)random.Next(2)]);
        byte[] frame = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(source, destination, 17, udp, id: (ushort)random.Next(2)));
        (frame[5], frame[11]) = ((byte)to, (byte)spoofed);
        if (random.Next(6) == 0) frame[0] = 1;
        return frame;
    }

    /// <summary>What a router changes.</summary>
    private static void Route(byte[] frame)
    {
        frame[0] = 2;
        frame[11] = 1;
    }

    /// <summary>The frame from its IP header on.</summary>
    private static string Key(byte[] frame) => Convert.ToHexString(frame.AsSpan(14));
}
