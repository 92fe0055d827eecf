using System.Net;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Which frames are taken for the agent's own datagrams, that a bridge flooded onto captured links: those it has sent, and no others.
/// </summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class OwnTunnelTests : IDisposable
{
    private const int From = 3, To = 4, AlsoTo = 5;
    private const long Second = 1_000_000_000;

    private readonly ShardLedger _ledger = new();
    private readonly GuardedMemory _memory = new(256 << 10);
    private readonly RecordingTransport[] _transports;
    private readonly FrameSender _sender;
    private long _now = 1_700_000_000 * Second;

    public OwnTunnelTests()
    {
        SensorEndpoint[] sensors = [Sensor("10.9.0.2", "10.9.0.1"), Sensor("fd09::2", "fd09::1")];
        _transports = Array.ConvertAll(sensors, _ => new RecordingTransport(8950, _ledger));
        LinkTable links = new([TestLink.Of(From, bridge: 9), TestLink.Of(To, bridge: 9), TestLink.Of(AlsoTo, bridge: 9)]);
        _sender = new FrameSender(_ledger, 0) { Plan = new ShardPlan(links, [.. _transports], [.. sensors]) };
    }

    private static IEnumerable<TestCaseData> Forgeries()
    {
        yield return new TestCaseData("10.9.0.1", "10.9.0.2", 49152, 4789);
        yield return new TestCaseData("10.9.0.1", "10.9.0.2", 49167, 4789);
        yield return new TestCaseData("fd09::1", "fd09::2", 49160, 4789);
        yield return new TestCaseData("10.9.0.1", "10.9.0.2", 49168, 4789);
        yield return new TestCaseData("10.9.0.1", "10.9.0.3", 49160, 4789);
    }

    [TestCaseSource(nameof(Forgeries))]
    public void Fifty_datagrams_of_somebody_with_the_tunnels_addresses_and_ports_are_all_seen(
        string source, string destination, int from, int to)
    {
        for (byte i = 0; i < 50; i++)
        {
            Assert.That(Send(Tunnelled(source, destination, (ushort)from, (ushort)to, Inner(i)), To), Has.Count.EqualTo(1));
        }

        Assert.That(Hidden, Is.Zero);
    }

    [Test]
    public void What_the_agent_sent_ends_its_way_when_it_comes_back_once_at_each_port()
    {
        byte[] first = Send(Inner(1), From, toPod: false).Single();
        byte[] own = Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, first);
        // Nothing was remembered until the first one came back; that is delivered, and what becomes of it is known.
        byte[] again = Send(own, To).Single();
        byte[] back = Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, again);
        Assert.That(Send(back, To), Is.Empty);
        Assert.That(Send(back, AlsoTo), Is.Empty);
        Assert.That(Hidden, Is.EqualTo(2));
        Assert.That(Send(back, To), Has.Count.EqualTo(1), "somebody sends it once more");
    }

    [Test]
    public void While_its_own_come_back_only_those_are_hidden()
    {
        Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, Inner(0)), To);
        for (byte i = 1; i < 50; i++)
        {
            byte[] sent = Send(Inner(i), From, toPod: false).Single();
            Assert.That(Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, FrameBuilder.Spoil(sent, ^1)), To),
                Has.Count.EqualTo(1), "one byte differs");
            Assert.That(Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, sent), To), Is.Empty);
        }

        Assert.That(Hidden, Is.EqualTo(49));
    }

    [Test]
    public void Super_datagrams_of_its_own_are_known_by_each_datagram()
    {
        Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, Inner(0)), To);
        byte[][] sent = [.. Enumerable.Range(1, 5).Select(i => Send(Inner((byte)i), From, toPod: false).Single())];
        byte[] payload = [.. sent.SelectMany(Vxlan)];
        byte[] super = FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4("10.9.0.1", "10.9.0.2", 17, FrameBuilder.Udp("10.9.0.1", "10.9.0.2", 49160, 4789, payload)));
        var offload = new FrameOffload
        {
            NeedsChecksum = true,
            ChecksumStart = 34,
            ChecksumOffset = 6,
            Segmentation = SegmentationKind.Udp,
            SegmentSize = (ushort)Vxlan(sent[0]).Length,
        };
        Assert.That(Send(super, To, offload: offload), Is.Empty);
        Assert.That(Hidden, Is.EqualTo(1));
        byte[] forged = FrameBuilder.Spoil(super, ^1);
        Assert.That(Send(forged, AlsoTo, offload: offload), Has.Count.EqualTo(5), "one of them is somebody else's");
    }

    [Test]
    public void A_while_after_the_last_one_that_looked_like_its_own_nothing_is_remembered()
    {
        Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, Inner(0)), To);
        _now += 11 * Second;
        byte[] sent = Send(Inner(1), From, toPod: false).Single();
        Assert.That(Send(Tunnelled("10.9.0.1", "10.9.0.2", 49160, 4789, sent), To), Has.Count.EqualTo(1));
    }

    public void Dispose()
    {
        _sender.Plan = ShardPlan.Nothing;
        _sender.AdoptPlan();
        _memory.Dispose();
    }

    private long Hidden => _ledger.AddTo(LedgerSnapshot.Empty).Lost(LossReason.OwnTunnel);

    private static byte[] Inner(byte number) =>
        FrameBuilder.Ethernet(0x0800,
            FrameBuilder.Ipv4("10.9.1.1", "10.9.1.2", 17, FrameBuilder.Udp("10.9.1.1", "10.9.1.2", 5, 6, [number, .. new byte[29]])));

    private static byte[] Vxlan(byte[] inner) => [8, 0, 0, 0, 0, 0, 1, 0, .. inner];

    private static byte[] Tunnelled(string source, string destination, ushort from, ushort to, byte[] inner)
    {
        byte[] udp = FrameBuilder.Udp(source, destination, from, to, Vxlan(inner));
        return source.Contains(':', StringComparison.Ordinal)
            ? FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6(source, destination, 17, udp))
            : FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(source, destination, 17, udp));
    }

    private static SensorEndpoint Sensor(string address, string source) =>
        new(IPAddress.Parse(address), 4789, new Link { Index = 9, Name = "sensor", Kind = "veth" }, IPAddress.Parse(source));

    private List<byte[]> Send(byte[] bytes, int link, bool toPod = true, FrameOffload offload = default)
    {
        foreach (RecordingTransport transport in _transports) transport.Sent.Clear();
        _sender.Send(_memory.BlockOf(
            bytes, new Frame { LinkIndex = link, ToPod = toPod, Headroom = 64, Timestamp = _now, Offload = offload }));
        return [.. _transports.SelectMany(transport => transport.Sent)];
    }
}
