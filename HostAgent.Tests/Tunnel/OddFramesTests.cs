using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Frames that are not an ordinary TCP or UDP packet, in both directions of a pod's link. A link in the pod has no VLAN sub-interfaces in
/// this kernel's configuration, so tagged frames are put on the link as such a sub-interface does.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class OddFramesTests
{
    private static readonly byte[] Payload = [.. Enumerable.Range(0, 100).Select(i => (byte)(i * 7))];

    private List<string> _inner = [];
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;

    private static TestCaseData[] Cases =>
    [
        Case("802.1Q", Tagged([0x81, 0, 0x60, 10], Packet(1))),
        Case("802.1Q, priority only", Tagged([0x81, 0, 0xE0, 0], Packet(2))),
        Case("802.1ad", Tagged([0x88, 0xA8, 0x00, 20, 0x81, 0, 0x00, 21], Packet(3))),
        Case("three tags", Tagged([0x88, 0xA8, 0x00, 20, 0x81, 0, 0x00, 21, 0x81, 0, 0x0F, 0xFE], Packet(4))),
        Case("802.1Q, full size", Tagged([0x81, 0, 0, 10],
            FrameBuilder.Ipv4("10.53.0.1", "10.53.0.2", 17, FrameBuilder.Udp("10.53.0.1", "10.53.0.2", 5, 9, new byte[1472])))),
        Case("802.1Q, ARP",
        [
            .. Macs, 0x81, 0, 0, 10, 8, 6,
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 53, 0, 1, 0, 0, 0, 0, 0, 0, 10, 53, 0, 9, .. new byte[18],
        ]),
        Case("ICMP echo", Ip(1, [8, 0, 0xF7, 0xFE, 0, 1, 0, 0])),
        Case("ICMP unreachable, with the packet it is about", Ip(1, [3, 3, 0x12, 0x34, 0, 0, 0, 0, .. Packet(6)])),
        Case("first fragment", Ip(17, Payload, 0x2000)),
        Case("later fragment", Ip(17, Payload, 0x0010)),
        Case("last fragment of one byte", Ip(6, [1], 0x00B9)),
        Case("IPv6 fragment",
            FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6("fd53::1", "fd53::2", 44, [17, 0, 0, 1, 0, 0, 0, 9, .. Payload]))),
        Case("GRE", Ip(47, [0, 0, 8, 0, .. Packet(7)])),
        Case("IP in IP", Ip(4, Packet(8))),
        Case("ESP", Ip(50, Payload)),
        Case("SCTP", Ip(132, Payload)),
        Case("a protocol of nobody", Ip(253, Payload)),
        Case("a wrong TCP checksum stays wrong", FrameBuilder.Spoil(FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4("10.53.0.1", "10.53.0.2", 6, FrameBuilder.Tcp("10.53.0.1", "10.53.0.2", 1, 2, 3, Payload))), ^1)),
        Case("an IPv4 header checksum that is wrong", FrameBuilder.Spoil(FrameBuilder.Ethernet(0x0800, Packet(9)), 24)),
        Case("an IPv4 total length beyond the frame", FrameBuilder.Spoil(FrameBuilder.Ethernet(0x0800, Packet(10)), 16)),
        Case("padding behind a short packet", [.. FrameBuilder.Ethernet(0x0800,
            FrameBuilder.Ipv4("10.53.0.1", "10.53.0.2", 17, FrameBuilder.Udp("10.53.0.1", "10.53.0.2", 11, 9, []))), .. new byte[18]]),
        Case("an IPv4 header cut short", FrameBuilder.Ethernet(0x0800, Packet(12)[..13])),
        Case("an IPv6 header cut short", FrameBuilder.Ethernet(0x86DD, [0x60, 0, 0, 0, 0])),
        Case("an unknown ethertype", FrameBuilder.Ethernet(0x88B5, Payload)),
        Case("LLDP",
        [
            1, 0x80, 0xC2, 0, 0, 0x0E, 2, 0, 0, 0, 0, 1, 0x88, 0xCC,
            2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 7, 3, 2, 0, 0, 0, 0, 1, 6, 2, 0, 120, 0, 0,
        ]),
        Case("802.3 with a length and LLC", [.. Macs, 0, 38, 0x42, 0x42, 3, .. new byte[35]]),
        Case("a runt: one byte behind the header", [.. Macs, 0x88, 0xB6, 1]),
        Case("a runt: the header alone", [.. Macs, 0x88, 0xB7]),
    ];

    private static byte[] Macs => [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

    [OneTimeSetUp]
    public async Task Send()
    {
        using var node = new MirroredNode();
        PodNetwork pod = node.Node.AddRouted("pod");
        await using LinkCapture sensor = await node.SniffAsync();
        node.Mirror(5, pod);
        byte[][] frames = [.. Cases.Select(test => (byte[])test.Arguments[0]!)];
        using (var fromPod = new FrameInjector(pod))
        using (var toPod = new FrameInjector(node.Node.Namespace, pod.HostLink))
        {
            Array.ForEach(frames, fromPod.Send);
            await node.SettledAsync(frames.Length);
            foreach (byte[] frame in frames) toPod.Send(Reversed(frame));
            await node.SettledAsync(2 * frames.Length);
        }

        node.Mirror(5);
        _ledger = await node.SettledAsync();
        _inner = [.. TunnelDatagrams(await sensor.StopAsync()).Select(Convert.ToHexStringLower)];
    }

    [TestCaseSource(nameof(Cases))]
    public void It_reaches_the_sensor_as_it_is_from_the_pod_and_to_the_pod(byte[] frame)
    {
        Assert.That(_inner.Count(inner => inner == Convert.ToHexStringLower(frame)), Is.EqualTo(1), "from the pod");
        Assert.That(_inner.Count(inner => inner == Convert.ToHexStringLower(Reversed(frame))), Is.EqualTo(1), "to the pod");
    }

    [Test]
    public void None_is_lost()
    {
        Assert.That(_ledger.Losses.Sum() - _ledger.Lost(LossReason.OutOfScope), Is.Zero);
        Assert.That(_ledger.Delivered, Is.EqualTo(_inner.Count).And.GreaterThanOrEqualTo(2 * Cases.Length));
    }

    // The payloads of the datagrams themselves: what is inside is not sound on purpose, so tshark is asked for the outside only.
    private static IEnumerable<byte[]> TunnelDatagrams(IEnumerable<DecodedFrame> frames) => frames.Select(frame =>
    {
        Assert.That(frame.BadChecksums, Has.None.EqualTo("ip.checksum.status[0]").And.None.EqualTo("udp.checksum.status[0]"));
        Assert.That(Convert.ToHexStringLower(frame.Bytes[42..50]), Is.EqualTo("0800000000000500"));
        return frame.Bytes[50..];
    });

    /// <summary>The same towards the pod: the MACs change sides.</summary>
    private static byte[] Reversed(byte[] frame) => [.. frame[6..12], .. frame[..6], .. frame[12..]];

    private static TestCaseData Case(string name, byte[] frame) => new TestCaseData(frame).SetArgDisplayNames(name);

    private static byte[] Tagged(byte[] tags, byte[] packet) => [.. Macs, .. tags, 8, 0, .. packet];

    private static byte[] Ip(byte protocol, byte[] payload, ushort fragment = 0x4000) =>
        FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.53.0.1", "10.53.0.2", protocol, payload, flagsAndOffset: fragment));

    private static byte[] Packet(ushort port) =>
        FrameBuilder.Ipv4("10.53.0.1", "10.53.0.2", 17, FrameBuilder.Udp("10.53.0.1", "10.53.0.2", port, 9, Payload));
}
