using System.Net;
using HostAgent.Capture;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>Which frames are taken for the agent's own datagrams, that a bridge flooded onto a captured link.</summary>
[TestFixture]
internal sealed class OwnTunnelTests
{
    private const int Link = 3;

    [TestCase("10.9.0.1", "10.9.0.2", 49152, 4789, true, ExpectedResult = true)]
    [TestCase("10.9.0.1", "10.9.0.2", 49167, 4789, true, ExpectedResult = true)]
    [TestCase("fd09::1", "fd09::2", 49160, 4789, true, ExpectedResult = true)]
    [TestCase("10.9.0.1", "10.9.0.2", 49160, 4789, false, ExpectedResult = false, TestName = "A pod sends under the tunnel's addresses and ports")]
    [TestCase("10.9.0.1", "10.9.0.2", 49168, 4789, true, ExpectedResult = false)]
    [TestCase("10.9.0.1", "10.9.0.2", 49151, 4789, true, ExpectedResult = false)]
    [TestCase("10.9.0.1", "10.9.0.2", 49160, 4790, true, ExpectedResult = false)]
    [TestCase("10.9.0.1", "10.9.0.3", 49160, 4789, true, ExpectedResult = false)]
    [TestCase("10.9.0.3", "10.9.0.2", 49160, 4789, true, ExpectedResult = false)]
    public bool Only_what_goes_to_a_pod_with_the_tunnels_addresses_and_ports_is_the_tunnels(string source, string destination, int from, int to, bool toPod)
    {
        byte[] udp = FrameBuilder.Udp(source, destination, (ushort)from, (ushort)to, new byte[30]);
        bool v6 = source.Contains(':', StringComparison.Ordinal);
        byte[] bytes = v6 ? FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6(source, destination, 17, udp)) : FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(source, destination, 17, udp));
        var ledger = new ShardLedger();
        SensorEndpoint[] sensors = [Sensor("10.9.0.2", "10.9.0.1"), Sensor("fd09::2", "fd09::1")];
        var transports = Array.ConvertAll(sensors, _ => new RecordingTransport(8950, ledger));
        var sender = new FrameSender(ledger, 0) { Plan = new ShardPlan(new LinkTable([TestLink.Of(Link)]), [.. transports], [.. sensors]) };
        using var block = new GuardedBlock();
        block.Place(bytes, new Frame { LinkIndex = Link, ToPod = toPod, Headroom = 64 });
        sender.Send(block);
        sender.Plan = ShardPlan.Nothing;
        sender.AdoptPlan();
        long hidden = ledger.AddTo(LedgerSnapshot.Empty).Lost(LossReason.OwnTunnel);
        Assert.That(transports.Sum(transport => transport.Sent.Count) + hidden, Is.EqualTo(1));
        return hidden == 1;
    }

    private static SensorEndpoint Sensor(string address, string source) =>
        new(IPAddress.Parse(address), 4789, new Link { Index = 9, Name = "sensor", Kind = "veth" }, IPAddress.Parse(source));
}
