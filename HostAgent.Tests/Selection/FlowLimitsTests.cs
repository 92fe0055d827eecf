using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Selection;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Selection;

/// <summary>Which frames of a flow a slice and a rate leave out, frame by frame.</summary>
public sealed class FlowLimitsTests
{
    private const byte Syn = 0x02, SynAck = 0x12, Ack = 0x10, FinAck = 0x11, Rst = 0x04;
    private const int Headers = 54;
    private const long Second = 1_000_000_000, Start = 1_700_000_000 * Second;

    private FlowLimits _limits = null!;

    private static MirroredLink Sliced => TestLink.Of(3) with { Slice = 1000 };

    [SetUp]
    public void Begin() => _limits = new FlowLimits(new ShardLedger());

    [Test]
    public void A_frame_that_begins_within_the_slice_goes_whole_and_later_ones_do_not()
    {
        LossReason?[] judged = [.. Enumerable.Range(0, 5).Select(_ => Judge(Sliced, Data(400)))];
        Assert.That(judged, Is.EqualTo((LossReason?[])[null, null, null, LossReason.Slice, LossReason.Slice]));
        Assert.That(Judge(Sliced, Data(0)), Is.EqualTo(LossReason.Slice), "nor does an acknowledgement");
        Assert.That(Judge(Sliced, Data(60_000, source: "10.56.0.9")), Is.Null, "another flow");
        Assert.That(Judge(TestLink.Of(4) with { Slice = 1000 }, Data(400)), Is.Null, "another link");
    }

    [TestCase(Syn)]
    [TestCase(SynAck)]
    [TestCase(FinAck)]
    [TestCase(Rst)]
    public void What_begins_or_ends_a_connection_goes_always(byte flags)
    {
        for (int i = 0; i < 10; i++) Judge(Sliced, Data(400));
        Assert.That(Judge(Sliced, Data(400, flags)), Is.Null);
        Assert.That(Judge(Sliced, Data(400)), Is.EqualTo(flags == Syn ? null : LossReason.Slice), "only SYN alone begins a flow anew");
    }

    [Test]
    public void Fragments_are_one_flow_by_their_addresses_and_what_is_not_IP_is_none()
    {
        byte[] fragment = FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4("10.56.0.1", "10.56.0.2", 17, new byte[500], flagsAndOffset: 0x2000));
        Assert.That(Enumerable.Range(0, 3).Select(_ => Judge(Sliced, fragment)), Is.EqualTo((LossReason?[])[null, null, LossReason.Slice]));
        byte[] arp = FrameBuilder.Ethernet(0x0806, new byte[500]);
        Assert.That(Enumerable.Range(0, 9).Select(_ => Judge(Sliced, arp)), Is.All.Null);
    }

    [Test]
    public void A_head_that_was_drawn_by_lot_is_left_out_whatever_is_known_of_its_flow() =>
        Assert.That(Judge(Sliced, Data(400), unseen: 63), Is.EqualTo(LossReason.Slice));

    [Test]
    public void A_flow_that_is_refused_stays_so_until_it_begins_anew()
    {
        MirroredLink rated = Rated("8Mbit");
        // 256 KiB deep; two thirds are taken.
        for (int i = 0; i < 3; i++) Assert.That(Judge(rated, Data(60_000)), Is.Null);
        Assert.That(Judge(rated, Data(0, Syn, "10.56.0.7")), Is.EqualTo(LossReason.Rate), "a new flow");
        Assert.That(Judge(rated, Data(100)), Is.Null, "a running one");
        Assert.That(Judge(rated, Data(100, source: "10.56.0.7"), at: 3 * Second), Is.EqualTo(LossReason.Rate), "whole flows, not holes");
        Assert.That(Judge(rated, Data(0, FinAck, "10.56.0.7"), at: 3 * Second), Is.EqualTo(LossReason.Rate));
        Assert.That(Judge(rated, Data(0, Syn, "10.56.0.7"), at: 3 * Second), Is.Null, "a new connection");
    }

    [Test]
    public void The_large_flow_is_refused_and_the_small_ones_go_on()
    {
        MirroredLink rated = Rated("80Mbit");
        string[] small = [.. Enumerable.Range(10, 20).Select(i => $"10.56.0.{i}")];
        foreach (string source in small) Assert.That(Judge(rated, Data(0, Syn, source)), Is.Null);
        long sent = 0, refused = 0;
        // The elephant has ten times the rate, and the others a hundredth of it.
        for (int i = 0; i < 2000; i++)
        {
            long at = i * 600_000L;
            if (Judge(rated, Data(60_000), at: at) is null) sent += 60_000 + Headers;
            else refused++;
            if (i % 10 == 0)
            {
                foreach (string source in small)
                {
                    Assert.That(Judge(rated, Data(100, source: source), at: at), Is.Null);
                    sent += 100 + Headers;
                }
            }
        }

        Assert.That(sent, Is.LessThanOrEqualTo(12_000_000 + 1_000_000));
        Assert.That(refused, Is.GreaterThan(1900), "once it is refused, it stays so");
    }

    private static MirroredLink Rated(string rate) => TestLink.Of(3) with { Bucket = new TokenBucket(RateLimit.Parse(rate)!.Value, Start) };

    private static byte[] Data(int payload, byte flags = Ack, string source = "10.56.0.1") =>
        CraftedFrame.Tcp("", new(source), payload, 0, flags).Bytes;

    private unsafe LossReason? Judge(MirroredLink link, byte[] bytes, int unseen = 0, long at = 0)
    {
        fixed (byte* start = bytes)
        {
            var frame = new Frame { Start = start, Length = bytes.Length, LinkIndex = link.Index, Timestamp = Start + at, Unseen = unseen };
            FrameLayout layout = FrameParser.Parse(start, bytes.Length);
            return _limits.Judge(frame, layout, link, FrameParser.SecretHashOf(start, layout));
        }
    }
}
