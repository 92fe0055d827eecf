using System.Net;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// The same super-frame leaves two pods: one whose link takes it whole, so that the agent has to cut it, and one whose link takes no
/// super-frames, so that the kernel cuts it in software (skb_gso_segment, skb_checksum_help). Both must come to the same.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class KernelSegmentationTests
{
    // 8 bytes each, so that a header stays a multiple of 4 or 8.
    private static readonly byte[] RecordRoute = [7, 7, 4, 0, 0, 0, 0, 0], Timestamps = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];

    private static readonly byte[] Sack = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, .. Timestamps];
    private static readonly byte[] Vlan = [0x81, 0, 0x20, 5], QinQ = [0x88, 0xA8, 0x20, 6, 0x81, 0, 0, 7];

    // Hop-by-hop (0) with PadN, then TCP or UDP; hop-by-hop, then destination options (60).
    private static readonly byte[] HopByHopTcp = [6, 0, 1, 4, 0, 0, 0, 0],
        HopThenDestinationUdp = [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0];

    // Routing (43) of type 2 with one address left, which is where the packet ends: checksums are over that one.
    private static readonly byte[] Last = IPAddress.Parse("fd50:9::9").GetAddressBytes();
    private static readonly byte[] RoutedTcp = [6, 2, 2, 1, 0, 0, 0, 0, .. Last], RoutedUdp = [17, 2, 2, 1, 0, 0, 0, 0, .. Last];

    private Dictionary<string, string[]> _kernel = [], _agent = [];
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;

    private static CraftedFrame[] Cases { get; } =
    [
        CraftedFrame.Tcp("TCP", new("10.50.0.1"), 20_000, 1448, options: Timestamps),
        CraftedFrame.Tcp("TCP, 64 KiB", new("10.50.0.2"), 65_000, 1460),
        CraftedFrame.Tcp("TCP, payload a multiple of the segment", new("10.50.0.3"), 14_480, 1448),
        CraftedFrame.Tcp("TCP, last segment of one byte, odd size", new("10.50.0.4"), 5 * 1001 + 1, 1001),
        CraftedFrame.Tcp("TCP, FIN and PSH", new("10.50.0.5"), 6000, 1448, flags: 0x19),
        CraftedFrame.Tcp("TCP, CWR and ECE and PSH", new("10.50.0.6", Field: 2), 6000, 1448, flags: 0xD8),
        CraftedFrame.Tcp("TCP, URG and RST", new("10.50.0.7"), 6000, 1448, flags: 0x3C),
        CraftedFrame.Tcp("TCP, IPv4 options", new("10.50.0.8", RecordRoute), 6000, 1448),
        CraftedFrame.Tcp("TCP, SACK and timestamps", new("10.50.0.9"), 6000, 1400, options: Sack),
        CraftedFrame.Tcp("TCP, may be fragmented, IP id 0", new("10.50.0.10", Id: 0, Fragment: 0), 6000, 1448),
        CraftedFrame.Tcp("TCP, 802.1Q", new("10.50.0.11", Tags: Vlan), 6000, 1448),
        CraftedFrame.Tcp("TCP, 802.1ad", new("10.50.0.12", Tags: QinQ), 6000, 1448),
        CraftedFrame.Tcp("TCP, small segments", new("10.50.0.13"), 9000, 88),
        CraftedFrame.Tcp("TCP over IPv6", new("fd50::1", Field: 3), 20_000, 1428, options: Timestamps),
        CraftedFrame.Tcp("TCP over IPv6, FIN, CWR", new("fd50::2"), 6001, 1428, flags: 0x99),
        CraftedFrame.Tcp("TCP over IPv6, hop-by-hop options", new("fd50::3", HopByHopTcp), 6000, 1428),
        CraftedFrame.Tcp("TCP over IPv6, routing header", new("fd50::5", RoutedTcp, FirstExtension: 43, Last: "fd50:9::9"), 6000, 1400),
        CraftedFrame.Tcp("TCP over IPv6, 802.1Q", new("fd50::4", Tags: Vlan), 6000, 1428),
        CraftedFrame.Udp("UDP super-datagram", new("10.50.1.1"), 11_999, 1200),
        CraftedFrame.Udp("UDP super-datagram, whole segments, odd", new("10.50.1.2"), 5 * 777, 777),
        CraftedFrame.Udp("UDP super-datagram, IPv4 options", new("10.50.1.3", RecordRoute), 3000, 1200),
        CraftedFrame.Udp("UDP super-datagram, 802.1Q", new("10.50.1.4", Tags: Vlan), 3000, 1200),
        CraftedFrame.Udp("UDP super-datagram over IPv6", new("fd50:0:0:1::1"), 11_999, 1200),
        CraftedFrame.Udp("UDP super-datagram over IPv6, two extension headers", new("fd50:0:0:1::2", HopThenDestinationUdp), 3000, 1200),
        CraftedFrame.Udp("UDP super-datagram over IPv6, routing header",
            new("fd50:0:0:1::3", RoutedUdp, FirstExtension: 43, Last: "fd50:9::9"), 3000, 1200),
        CraftedFrame.Tcp("unfinished TCP", new("10.50.2.1"), 101, 0, options: Timestamps),
        CraftedFrame.Udp("unfinished UDP", new("10.50.2.2"), 53),
        CraftedFrame.Udp("unfinished UDP, empty", new("10.50.2.3"), 0),
        CraftedFrame.Udp("unfinished UDP whose checksum is zero", new("10.50.2.4"), 12).WithZeroChecksum(),
        CraftedFrame.Udp("unfinished UDP, 802.1Q", new("10.50.2.5", Tags: Vlan), 60),
        CraftedFrame.Udp("unfinished UDP, 802.1ad", new("10.50.2.6", Tags: QinQ), 60),
        CraftedFrame.Udp("unfinished UDP, IPv4 options", new("10.50.2.7", RecordRoute), 60),
        CraftedFrame.Tcp("unfinished TCP over IPv6", new("fd50:0:0:2::1"), 99, 0),
        CraftedFrame.Udp("unfinished UDP over IPv6", new("fd50:0:0:2::2"), 1001),
        CraftedFrame.Icmpv6("unfinished ICMPv6", new("fd50:0:0:2::3"), 57),
        CraftedFrame.Udp("unfinished UDP over IPv6, two extension headers", new("fd50:0:0:2::4", HopThenDestinationUdp), 60),
    ];

    private static CraftedFrame TcpOfZero { get; } = CraftedFrame.Tcp("unfinished TCP whose checksum is zero", new("10.50.2.8"), 100, 0)
        .WithZeroChecksum();

    private static CraftedFrame[] Sent { get; } = [.. Cases, TcpOfZero];

    [OneTimeSetUp]
    public async Task Send()
    {
        using var node = new MirroredNode();
        PodNetwork whole = node.Node.AddRouted("whole"), soft = node.Node.AddRouted("soft");
        soft.Namespace.Exec("ethtool", "-K", PodNetwork.Link, "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off");
        node.Mirror(0xABCDEF, whole);
        await using LinkCapture sensor = await node.SniffAsync();
        await using LinkCapture kernel = await LinkCapture.StartAsync(node.Node.Namespace, soft.HostLink);
        using (var injector = new FrameInjector(whole))
        using (var softInjector = new FrameInjector(soft))
        {
            foreach (CraftedFrame frame in Sent)
            {
                injector.Send(frame);
                softInjector.Send(frame);
            }
        }

        _ledger = await node.SettledAsync(Sent.Length);
        IReadOnlyList<DecodedFrame>[] captured = await Task.WhenAll(sensor.StopAsync(), kernel.StopAsync());
        IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(captured[0]);
        Assert.That(datagrams.Select(datagram => datagram.Vni).Distinct(), Is.EqualTo([0xABCDEF]));
        _agent = BySource(datagrams, datagram => datagram.Inner);
        _kernel = BySource(captured[1], frame => frame.Bytes);

        static Dictionary<string, string[]> BySource(IEnumerable<DecodedFrame> frames, Func<DecodedFrame, byte[]> bytes) => frames
            .GroupBy(frame => frame.Last("ipv6.src") ?? frame.Last("ip.src") ?? "")
            .ToDictionary(group => group.Key, group => group.Select(frame => Convert.ToHexStringLower(bytes(frame))).ToArray());
    }

    [TestCaseSource(nameof(Cases))]
    public void The_agent_makes_of_it_what_the_kernel_makes_of_it(CraftedFrame frame)
    {
        string[] kernel = _kernel[frame.Source], agent = _agent[frame.Source];
        int expected = frame.SegmentSize == 0 ? 1 : (frame.Bytes.Length - frame.Headers + frame.SegmentSize - 1) / frame.SegmentSize;
        Assert.That(kernel, Has.Length.EqualTo(expected), "the kernel's own");
        Assert.That(agent, Is.EqualTo(kernel));
    }

    /// <summary>
    /// Of the two zeros of ones' complement, TCP wants 0 (RFC 1624) and only UDP 0xFFFF (RFC 768); the kernel writes 0xFFFF for both.
    /// </summary>
    [Test]
    public void A_TCP_checksum_of_zero_is_zero_though_the_kernel_writes_it_otherwise()
    {
        int field = 2 * (TcpOfZero.ChecksumStart + TcpOfZero.ChecksumOffset);
        string kernel = _kernel[TcpOfZero.Source].Single();
        Assert.That(kernel[field..(field + 4)], Is.EqualTo("ffff"), "the kernel's own");
        Assert.That(_agent[TcpOfZero.Source], Is.EqualTo([$"{kernel[..field]}0000{kernel[(field + 4)..]}"]));
    }

    [Test]
    public void The_frames_reached_the_agent_as_super_frames()
    {
        Assert.That(_ledger.Losses.Sum(), Is.Zero);
        // Twice tagged frames lose their offload on the way (netif_skb_features), everything else arrives as it was sent.
        Assert.That(_agent.Values.Sum(segments => segments.Length) - _agent["10.50.0.12"].Length, Is.GreaterThan(200));
        Assert.That(_ledger.Delivered, Is.InRange(Sent.Length, Sent.Length + 30));
    }
}
