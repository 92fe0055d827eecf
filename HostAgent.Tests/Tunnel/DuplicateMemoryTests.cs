using HostAgent.Capture;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>How long the filter remembers, by the frames' own clock.</summary>
[TestFixture]
internal sealed class DuplicateMemoryTests
{
    private const long Second = 1_000_000_000;
    private const long Start = 1_700_000_000 * Second;
    private const int From = 3, To = 4, Bridged = 5, AlsoBridged = 6;

    private static readonly byte[] Datagram = Udp("10.61.0.1", "10.61.0.2");

    private static readonly byte[] Broadcast = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1, 8, 6, .. new byte[46]];

    private readonly GuardedBlock _block = new();
    private readonly ShardLedger _ledger = new();
    private RecordingTransport _transport = null!;
    private FrameSender _sender = null!;

    [SetUp]
    public void Make()
    {
        _transport = new RecordingTransport(8950, _ledger);
        _sender = new FrameSender(_ledger, 0)
        {
            Plan = PlanOf(TestLink.Of(From, addresses: "10.61.0.1"), TestLink.Of(To), TestLink.Of(Bridged, bridge: 9, addresses: "10.61.0.3"), TestLink.Of(AlsoBridged, bridge: 9)),
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
    public void Free() => _block.Dispose();

    [TestCase(0, false)]
    [TestCase(59, false)]
    [TestCase(61, true)]
    [TestCase(-59, false, TestName = "A clock that was set back by less than a minute")]
    [TestCase(-7200, true, TestName = "A clock that was set back by hours hides nothing")]
    public void A_flow_is_remembered_for_a_minute(int secondsLater, bool delivered)
    {
        Assert.That(Send(Datagram, From, toPod: false, Start), Is.True);
        Assert.That(Send(Datagram, To, toPod: true, Start + (secondsLater * Second)), Is.EqualTo(delivered));
    }

    [Test]
    public void Each_frame_that_enters_renews_the_memory()
    {
        for (int i = 0; i < 5; i++)
        {
            Assert.That(Send(Datagram, From, toPod: false, Start + (i * 50 * Second)), Is.True);
            Assert.That(Send(Datagram, To, toPod: true, Start + ((i * 50 + 40) * Second)), Is.False);
        }
    }

    [Test]
    public void The_other_direction_is_another_flow()
    {
        Assert.That(Send(Datagram, From, toPod: false, Start), Is.True);
        byte[] answer = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.61.0.2", "10.61.0.1", 17, FrameBuilder.Udp("10.61.0.2", "10.61.0.1", 2, 1, new byte[20])));
        Assert.That(Send(answer, From, toPod: true, Start), Is.True);
    }

    [Test]
    public void A_frame_back_to_the_link_that_it_came_from_is_kept()
    {
        Assert.That(Send(Datagram, From, toPod: false, Start), Is.True);
        Assert.That(Send(Datagram, From, toPod: true, Start), Is.True);
    }

    [Test]
    public void A_flood_is_remembered_for_a_second_and_per_bridge_port()
    {
        Assert.That(Send(Broadcast, Bridged, toPod: true, Start), Is.True);
        Assert.That(Send(Broadcast, AlsoBridged, toPod: true, Start), Is.False);
        Assert.That(Send(Broadcast, To, toPod: true, Start), Is.True, "of another network");
        Assert.That(Send(Broadcast, AlsoBridged, toPod: true, Start + (2 * Second)), Is.True);
    }

    [Test]
    public void However_many_flows_there_are_none_is_taken_for_another()
    {
        byte[] frame = [.. Datagram];
        for (int flow = 0; flow < 300_000; flow++)
        {
            BitConverter.TryWriteBytes(frame.AsSpan(30), flow);
            if (!Send(frame, flow % 2 == 0 ? From : To, toPod: flow % 2 != 0, Start)) Assert.Fail($"flow {flow} was hidden by one before it");
        }
    }

    [Test]
    public void A_pod_that_sends_from_another_address_hides_nothing()
    {
        byte[] real = Udp("203.0.113.9", "10.61.0.2", payload: 500), sameStart = [.. real[..^1], 1];
        foreach (byte[] decoy in new[] { sameStart, Udp("203.0.113.9", "10.61.0.2", payload: 7) })
        {
            foreach ((int from, int to) in new[] { (From, To), (Bridged, AlsoBridged) })
            {
                Assert.That(Send(decoy, from, toPod: false, Start), Is.True);
                Assert.That(Send(real, to, toPod: true, Start + 1), Is.True);
            }
        }
    }

    [Test]
    public void On_a_bridge_a_frame_from_another_address_is_known_by_its_content_for_a_second()
    {
        foreach (byte[] frame in new[] { Udp("203.0.113.9", "10.61.0.2"), Broadcast })
        {
            Assert.That(Send(frame, Bridged, toPod: false, Start), Is.True);
            Assert.That(Send(frame, AlsoBridged, toPod: true, Start), Is.False);
            Assert.That(Send(frame, AlsoBridged, toPod: true, Start + (2 * Second)), Is.True);
        }
    }

    [Test]
    public void A_link_that_has_left_the_scope_or_the_network_hides_nothing_any_more()
    {
        foreach (MirroredLink? then in new[] { null, TestLink.Of(From, vni: 2, addresses: "10.61.0.1") })
        {
            Make();
            Assert.That(Send(Datagram, From, toPod: false, Start), Is.True);
            Assert.That(Send(Datagram, To, toPod: true, Start), Is.False);
            _sender.Plan = then is null ? PlanOf(TestLink.Of(To)) : PlanOf(TestLink.Of(To), then);
            Assert.That(Send(Datagram, To, toPod: true, Start + Second), Is.True);
        }
    }

    private static byte[] Udp(string source, string destination, int payload = 20) =>
        FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(source, destination, 17, FrameBuilder.Udp(source, destination, 1, 2, new byte[payload])));

    private ShardPlan PlanOf(params MirroredLink[] links) => new(new LinkTable(links), [_transport], []);

    private bool Send(byte[] bytes, int link, bool toPod, long timestamp)
    {
        _transport.Sent.Clear();
        _block.Place(bytes, new Frame { LinkIndex = link, ToPod = toPod, Timestamp = timestamp, Headroom = 64 });
        _sender.Send(_block);
        return _transport.Sent.Count == 1;
    }
}
