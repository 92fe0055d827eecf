using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Selection;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Which frames to a pod are copies of one that entered from another: each that entered explains one, and for seconds only.
/// </summary>
[TestFixture]
internal sealed class CopiesTests
{
    private const long Second = 1_000_000_000;
    private const long Start = 1_700_000_000 * Second;
    private const int From = 3, To = 4, Bridged = 5, AlsoBridged = 6, ThirdBridged = 7;
    private const string Source = "10.61.0.1", Destination = "10.61.0.2";

    private static readonly byte[] Datagram = Udp();

    private static readonly byte[] Broadcast = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1, 8, 6, .. new byte[46]];

    private readonly GuardedMemory _memory = new(256 << 10);
    private readonly ShardLedger _ledger = new();
    private RecordingTransport _transport = null!;
    private FrameSender _sender = null!;

    [SetUp]
    public void Make()
    {
        _transport = new RecordingTransport(8950, _ledger);
        _sender = new FrameSender(_ledger, 0)
        {
            Plan = PlanOf(TestLink.Of(From), TestLink.Of(To), TestLink.Of(Bridged, bridge: 9), TestLink.Of(AlsoBridged, bridge: 9),
                TestLink.Of(ThirdBridged, bridge: 9)),
        };
    }

    [TearDown]
    public void Close()
    {
        _sender.Plan = ShardPlan.Nothing;
        _sender.AdoptPlan();
        _transport.Dispose();
    }

    [OneTimeTearDown]
    public void Free() => _memory.Dispose();

    [TestCase(0, false)]
    [TestCase(1.9, false)]
    [TestCase(2.1, true)]
    [TestCase(-1.9, false, TestName = "A clock that was set back a little")]
    [TestCase(-7200, true, TestName = "A clock that was set back by hours hides nothing")]
    public void A_copy_comes_within_two_seconds(double secondsLater, bool delivered)
    {
        Assert.That(Send(Datagram, From, toPod: false), Is.True);
        Assert.That(Send(Datagram, To, toPod: true, Start + (long)(secondsLater * Second)), Is.EqualTo(delivered));
    }

    [Test]
    public void Each_frame_that_enters_explains_one_copy()
    {
        for (int sent = 1; sent <= 3; sent++)
        {
            for (int i = 0; i < sent; i++) Assert.That(Send(Datagram, From, toPod: false), Is.True);
            Assert.That(Enumerable.Range(0, 5).Count(_ => !Send(Datagram, To, toPod: true)), Is.EqualTo(sent));
        }
    }

    [Test]
    public void A_hundred_equal_frames_on_their_way_at_once_explain_a_hundred_copies()
    {
        for (int i = 0; i < 100; i++) Send(Datagram, From, toPod: false);
        Assert.That(Enumerable.Range(0, 101).Count(_ => !Send(Datagram, To, toPod: true)), Is.EqualTo(100));
    }

    private static IEnumerable<TestCaseData> Others()
    {
        byte[] tcp = Tcp();
        yield return new TestCaseData(Datagram, Udp(payload: 21)).SetArgDisplayNames("longer");
        yield return new TestCaseData(Udp(payload: 500), Udp(payload: 500, last: 1)).SetArgDisplayNames("another last byte");
        yield return new TestCaseData(Datagram, Udp(id: 2)).SetArgDisplayNames("another IP id");
        yield return new TestCaseData(Datagram, Udp(sourcePort: 2)).SetArgDisplayNames("another source port");
        yield return new TestCaseData(Datagram, Udp(source: "10.61.0.9")).SetArgDisplayNames("another source");
        yield return new TestCaseData(Datagram, FrameBuilder.Spoil(Datagram, 40)).SetArgDisplayNames("a wrong checksum");
        yield return new TestCaseData(Datagram, (byte[])[.. Datagram, 0]).SetArgDisplayNames("something behind the packet");
        yield return new TestCaseData(tcp, Tcp(sequence: 8)).SetArgDisplayNames("another sequence number");
        yield return new TestCaseData(tcp, Changed(tcp, 47, 0x04)).SetArgDisplayNames("a reset");
        yield return new TestCaseData(tcp, Changed(tcp, 45, 9)).SetArgDisplayNames("another acknowledgement");
    }

    [TestCaseSource(nameof(Others))]
    public void What_differs_in_anything_that_forwarding_leaves_alone_is_another_frame(byte[] entered, byte[] other)
    {
        foreach ((int from, int to) in new[] { (From, To), (Bridged, AlsoBridged), (Bridged, To) })
        {
            Assert.That(Send(entered, from, toPod: false), Is.True);
            Assert.That(Send(other, to, toPod: true), Is.True);
            Assert.That(Send(entered, to, toPod: true), Is.False, "the copy itself");
        }
    }

    [Test]
    public void Routing_changes_MACs_TTL_and_the_header_checksum_and_no_more()
    {
        byte[] routed = Udp(ttl: 63);
        new byte[] { 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 8 }.CopyTo(routed, 0);
        Assert.That(Send(Datagram, From, toPod: false), Is.True);
        Assert.That(Send(routed, To, toPod: true), Is.False);
    }

    [Test]
    public void The_other_direction_is_another_flow()
    {
        Assert.That(Send(Datagram, From, toPod: false), Is.True);
        Assert.That(Send(Udp(source: Destination, destination: Source), From, toPod: true), Is.True);
    }

    [Test]
    public void A_frame_back_to_the_link_that_it_came_from_is_kept()
    {
        Assert.That(Send(Datagram, From, toPod: false), Is.True);
        Assert.That(Send(Datagram, From, toPod: true), Is.True);
    }

    [Test]
    public void A_flood_has_one_copy_for_each_port_of_its_bridge()
    {
        byte[] whole = [.. Broadcast, .. new byte[200]], endsOtherwise = [.. whole[..^1], 1];
        foreach (byte[] flooded in new[] { Broadcast, whole, endsOtherwise })
        {
            Assert.That(Send(flooded, Bridged, toPod: true), Is.True);
            Assert.That(Send(flooded, AlsoBridged, toPod: true), Is.False);
            Assert.That(Send(flooded, ThirdBridged, toPod: true), Is.False);
            Assert.That(Send(flooded, To, toPod: true), Is.True, "of another network");
            Assert.That(Send(flooded, AlsoBridged, toPod: true), Is.True, "once more to a port that had it");
        }
    }

    [Test]
    public void What_a_pod_floods_is_a_copy_at_every_port_as_often_as_it_was_sent()
    {
        for (int i = 0; i < 3; i++) Assert.That(Send(Broadcast, Bridged, toPod: false), Is.True);
        for (int i = 0; i < 3; i++)
        {
            Assert.That((Send(Broadcast, AlsoBridged, toPod: true), Send(Broadcast, ThirdBridged, toPod: true)),
                Is.EqualTo((false, false)));
        }

        Assert.That(Send(Broadcast, AlsoBridged, toPod: true), Is.True, "a fourth one");
        Assert.That(Send(Broadcast, ThirdBridged, toPod: true), Is.False, "which is a flood of its own");
    }

    [Test]
    public void A_flood_is_remembered_for_two_seconds()
    {
        Assert.That(Send(Broadcast, Bridged, toPod: true), Is.True);
        Assert.That(Send(Broadcast, AlsoBridged, toPod: true, Start + (3 * Second)), Is.True);
    }

    [Test]
    public void What_goes_to_a_pods_own_MAC_is_no_flood()
    {
        // The pods behind both ports have spoken, so their MACs are known: 02:00:00:00:00:02 is AlsoBridged's.
        Assert.That(Send(Changed(Broadcast, 11, 2), AlsoBridged, toPod: false), Is.True);
        Assert.That(Send(Datagram, AlsoBridged, toPod: true), Is.True);
        Assert.That(Send(Datagram, AlsoBridged, toPod: true), Is.True);
        Assert.That(Send(Datagram, Bridged, toPod: true), Is.True, "to another port, as it is");
    }

    [Test]
    public void However_many_flows_there_are_none_is_taken_for_another()
    {
        byte[] frame = [.. Datagram];
        for (int flow = 0; flow < 300_000; flow++)
        {
            BitConverter.TryWriteBytes(frame.AsSpan(30), flow);
            if (!Send(frame, flow % 2 == 0 ? From : To, toPod: flow % 2 != 0)) Assert.Fail($"flow {flow} was hidden by one before it");
        }
    }

    [Test]
    public void What_the_table_has_forgotten_is_delivered_twice_and_nothing_is_hidden()
    {
        const int Frames = 200_000;
        int delivered = 0;
        byte[] frame = [.. Datagram];
        foreach ((int link, bool toPod) in new[] { (From, false), (To, true) })
        {
            for (int i = 0; i < Frames; i++)
            {
                BitConverter.TryWriteBytes(frame.AsSpan(42), i);
                if (Send(frame, link, toPod)) delivered++;
            }
        }

        Assert.That(delivered, Is.InRange(Frames, 2 * Frames));
    }

    [TestCase(40, 1448, TestName = "Whole segments")]
    [TestCase(1, 1000, TestName = "Segments of one byte")]
    [TestCase(7, 100, TestName = "The last one shorter")]
    public void A_super_frame_that_is_cut_on_its_way_is_a_copy_segment_by_segment(int size, int payload)
    {
        foreach (CraftedFrame super in SuperFrames(size, payload))
        {
            List<byte[]> segments = RecordingTransport.SentOf(super.Bytes, DamagedFrame.Whole(super));
            Assert.That(Send(super, From, toPod: false), Is.EqualTo(segments.Count));
            Assert.That(segments.Count(segment => !Send(segment, To, toPod: true)), Is.EqualTo(segments.Count), $"{super}: copies");
            Assert.That(segments.Count(segment => !Send(segment, To, toPod: true)), Is.Zero, $"{super}: sent again by somebody");
        }
    }

    [Test]
    public void Segments_that_are_joined_on_their_way_are_a_copy_as_a_super_frame()
    {
        foreach (CraftedFrame super in SuperFrames(1000, 4500))
        {
            List<byte[]> segments = RecordingTransport.SentOf(super.Bytes, DamagedFrame.Whole(super));
            foreach (byte[] segment in segments) Assert.That(Send(segment, From, toPod: false), Is.True);
            Assert.That(Send(super, To, toPod: true), Is.Zero);
            Assert.That(Send(super, To, toPod: true), Is.EqualTo(segments.Count));
        }
    }

    [Test]
    public void A_super_frame_of_which_one_byte_differs_is_another_one()
    {
        foreach (CraftedFrame super in SuperFrames(1000, 4500))
        {
            Assert.That(Send(super, From, toPod: false), Is.Positive);
            Assert.That(Send(super with { Bytes = FrameBuilder.Spoil(super.Bytes, ^1) }, To, toPod: true), Is.Positive);
        }
    }

    [Test]
    public void A_checksum_that_is_finished_on_the_way_must_be_right()
    {
        CraftedFrame[] frames =
        [
            CraftedFrame.Udp("", new("10.56.0.1"), 53),
            CraftedFrame.Tcp("", new("fd56::1"), 53, 0),
            CraftedFrame.Udp("", new("10.56.0.1"), 53).WithZeroChecksum(),
        ];
        foreach (CraftedFrame unfinished in frames)
        {
            byte[] finished = RecordingTransport.SentOf(unfinished.Bytes, DamagedFrame.Whole(unfinished)).Single();
            int checksum = unfinished.ChecksumStart + unfinished.ChecksumOffset;
            Assert.That(Send(unfinished, From, toPod: false), Is.EqualTo(1));
            Assert.That(Send(FrameBuilder.Spoil(finished, checksum), To, toPod: true), Is.True, "a wrong one");
            Assert.That(Send(finished, To, toPod: true), Is.False, "the right one");
            Assert.That(Send(finished, From, toPod: false), Is.True);
            Assert.That(Send(unfinished, To, toPod: true), Is.Zero, "finished first");
        }
    }

    [Test]
    public void Fragments_are_copies_one_by_one()
    {
        byte[][] fragments = [.. Enumerable.Range(0, 3).Select(i => FrameBuilder.Ethernet(0x0800,
            FrameBuilder.Ipv4(
                Source, Destination, 17, [.. new byte[800], (byte)i], id: 7, flagsAndOffset: (ushort)((i < 2 ? 0x2000 : 0) | (i * 100)))))];
        foreach (byte[] fragment in fragments) Assert.That(Send(fragment, From, toPod: false), Is.True);
        foreach (byte[] fragment in fragments)
            Assert.That((Send(fragment, To, toPod: true), Send(fragment, To, toPod: true)), Is.EqualTo((false, true)));
    }

    [Test]
    public void Under_another_VNI_nothing_is_a_copy()
    {
        _sender.Plan = PlanOf(TestLink.Of(From, vni: 2), TestLink.Of(To));
        Assert.That(Send(Datagram, From, toPod: false), Is.True);
        Assert.That(Send(Datagram, To, toPod: true), Is.True);
    }

    private static IEnumerable<CraftedFrame> SuperFrames(int size, int payload)
    {
        yield return CraftedFrame.Tcp("TCP", new("10.56.0.1"), payload, size, flags: 0xD9);
        yield return CraftedFrame.Tcp("TCP over IPv6", new("fd56::1"), payload, size, flags: 0x19);
        yield return CraftedFrame.Udp("UDP", new("10.56.0.1"), payload, size);
        yield return CraftedFrame.Udp("UDP over IPv6", new("fd56::1"), payload, size);
    }

    private static byte[] Udp(string source = Source, string destination = Destination, int payload = 20, byte last = 0, ushort id = 1,
        ushort sourcePort = 1, byte ttl = 64) =>
        FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(source, destination, 17,
            FrameBuilder.Udp(source, destination, sourcePort, 2, [.. new byte[payload - 1], last]), id, ttl: ttl));

    private static byte[] Tcp(uint sequence = 7) =>
        FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4(Source, Destination, 6, FrameBuilder.Tcp(Source, Destination, 1, 2, sequence, new byte[20])));

    private static byte[] Changed(byte[] frame, int at, byte value)
    {
        byte[] changed = [.. frame];
        changed[at] = value;
        return changed;
    }

    private ShardPlan PlanOf(params MirroredLink[] links) => new(new LinkTable(links), [_transport], []);

    /// <returns>True when it was delivered.</returns>
    private bool Send(byte[] bytes, int link, bool toPod, long timestamp = Start) =>
        Send(new CraftedFrame("", "", bytes, 0, 0, 0), link, toPod, timestamp) == 1;

    /// <returns>How many datagrams it made.</returns>
    private int Send(CraftedFrame crafted, int link, bool toPod, long timestamp = Start)
    {
        _transport.Sent.Clear();
        _sender.Send(_memory.BlockOf(
            crafted.Bytes, DamagedFrame.Whole(crafted) with { LinkIndex = link, ToPod = toPod, Timestamp = timestamp, Headroom = 64 }));
        return _transport.Sent.Count;
    }
}
