using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using static HostAgent.Lab.FrameBuilder;

namespace HostAgent.Tests.Lab;

/// <summary>The sniffing sensor must agree with tshark on the same link, about good datagrams and bad ones.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SniffingSensorTests
{
    private const string Agent = "169.254.1.1", Sensor = "10.99.0.2", A = "10.1.0.1", B = "10.1.0.2", A6 = "fd00::a", B6 = "fd00::b";

    [Test]
    public async Task Datagrams_of_every_kind_are_judged_as_tshark_judges_them()
    {
        byte[] tcp = Ethernet(0x0800, Ipv4(A, B, 6, Tcp(A, B, 40000, 80, 1, new byte[1001]), id: 1));
        byte[] udp = Ethernet(0x0800, Ipv4(A, B, 17, Udp(A, B, 40000, 53, [1, 2, 3]), id: 2));
        byte[] tcp6 = Ethernet(0x86DD, Ipv6(A6, B6, 6, Tcp(A6, B6, 40000, 80, 7, new byte[99])));
        byte[] udp6 = Ethernet(0x86DD, Ipv6(A6, B6, 17, Udp(A6, B6, 40000, 53, [5])));
        byte[] other = Ethernet(0x88B5, [1, 2, 3, 4]);
        byte[][] inner = [tcp, udp, tcp6, udp6, other, Spoil(tcp, 22), Spoil(tcp, ^5), Spoil(udp, ^1), Spoil(tcp6, ^9), Spoil(udp6, ^1)];
        byte[][] sent =
        [
            .. inner.Select(frame => Vxlan(Agent, Sensor, 100, frame)),
            Spoil(Vxlan(Agent, Sensor, 100, Ethernet(0x0800, Ipv4(A, B, 17, Udp(A, B, 1, 2, [9]), id: 3))), 24),
            Spoil(Vxlan(Agent, Sensor, 100, Ethernet(0x0800, Ipv4(A, B, 17, Udp(A, B, 1, 2, [9]), id: 4))), 40),
        ];

        (SensorReport report, IReadOnlyList<DecodedFrame> judged) = await SniffAsync(1500, sent);
        long badInner = judged.Count(frame => frame.BadChecksums.Any(
            bad => bad.StartsWith("tcp", StringComparison.Ordinal) || bad.EndsWith("[1]", StringComparison.Ordinal)));
        long badOuter = judged.Count(frame => frame.BadChecksums.Any(bad => bad is "ip.checksum.status[0]" or "udp.checksum.status[0]"));
        Assert.That((badInner, badOuter), Is.EqualTo((5, 2)), "tshark's own count, so that the comparison means something");
        // A spoilt frame of the five still repeats the beginning and the id of the right one, so some count as repetitions.
        Assert.That(report with { Duplicates = 0 }, Is.EqualTo(new SensorReport(12, 12, 5, 2, 0, 0, 0, 0, 0)));
    }

    [Test]
    public async Task A_TCP_checksum_is_right_with_either_zero()
    {
        byte[] zero = Tcp(A, B, 40000, 80, 1, new byte[100]);
        (zero[^2], zero[^1], zero[16], zero[17]) = (zero[16], zero[17], 0, 0);
        byte[] minusZero = [.. zero[..16], 0xFF, 0xFF, .. zero[18..]];
        byte[][] inner = [zero, minusZero, Spoil(minusZero, ^5)];
        (SensorReport report, IReadOnlyList<DecodedFrame> judged) =
            await SniffAsync(1500,
                [.. inner.Select((segment, i) => Vxlan(Agent, Sensor, 1, Ethernet(0x0800, Ipv4(A, B, 6, segment, id: (ushort)(i + 1)))))]);
        Assert.That(judged.Select(frame => frame.BadChecksums.Count), Is.EqualTo([0, 0, 1]));
        Assert.That(report with { Duplicates = 0 }, Is.EqualTo(new SensorReport(3, 3, 1, 0, 0, 0, 0, 0, 0)));
    }

    [Test]
    public async Task A_packet_seen_again_on_another_link_is_a_duplicate_and_the_next_packet_is_not()
    {
        byte[] from = Ethernet(0x0800, Ipv4(A, B, 6, Tcp(A, B, 40000, 80, 1, new byte[100]), id: 7, ttl: 64));
        byte[] routed = Ethernet(0x0800, Ipv4(A, B, 6, Tcp(A, B, 40000, 80, 1, new byte[100]), id: 7, ttl: 63));
        byte[] next = Ethernet(0x0800, Ipv4(A, B, 6, Tcp(A, B, 40000, 80, 101, new byte[100]), id: 8));
        (SensorReport report, _) = await SniffAsync(
            1500, [.. new[] { from, next, Spoil(routed, 0) }.Select(frame => Vxlan(Agent, Sensor, 1, frame))]);
        Assert.That(report, Is.EqualTo(new SensorReport(3, 3, 0, 0, 1, 0, 0, 0, 0)));
    }

    [Test]
    public async Task A_report_that_a_host_repeats_word_for_word_is_no_duplicate()
    {
        byte[] igmp = Ethernet(0x0800, Ipv4(A, "224.0.0.22", 2, [0x22, 0, 0xDD, 0xFF, 0, 0, 0, 0], id: 0));
        byte[] mld = Ethernet(
            0x86DD, Ipv6(A6, "ff02::16", 0, [58, 0, 5, 2, 0, 0, 1, 0, .. Icmp6(A6, "ff02::16", [143, 0, 0, 0, 0, 0, 0, 0])]));
        (SensorReport report, IReadOnlyList<DecodedFrame> judged) = await SniffAsync(
            1500, [.. new[] { igmp, igmp, mld, mld }.Select(frame => Vxlan(Agent, Sensor, 1, frame))]);
        Assert.That(judged.SelectMany(frame => frame.BadChecksums), Is.Empty);
        Assert.That(report, Is.EqualTo(new SensorReport(4, 4, 0, 0, 0, 0, 0, 0, 0)));
    }

    [Test]
    public async Task Reserved_bits_other_ports_and_cut_frames_are_noticed()
    {
        byte[] frame = Ethernet(0x0800, Ipv4(A, B, 17, Udp(A, B, 1, 2, new byte[20])));
        byte[] cut = frame[..^6];
        byte[] flag = WithHeader([8, 0, 0, 0, 0, 0, 1, 1], frame), noFlag = WithHeader([0, 0, 0, 0, 0, 0, 1, 0], frame);
        (SensorReport report, _) = await SniffAsync(
            1500, [flag, noFlag, Vxlan(Agent, Sensor, 1, cut), Vxlan(Agent, Sensor, 1, frame, port: 4790)]);
        Assert.That(report, Is.EqualTo(new SensorReport(3, 1, 0, 0, 0, 0, 0, 3, 0)));

        static byte[] WithHeader(byte[] vxlan, byte[] inner) =>
            Ethernet(0x0800, Ipv4(Agent, Sensor, 17, Udp(Agent, Sensor, 50000, 4789, [.. vxlan, .. inner])));
    }

    [Test]
    public async Task What_the_kernel_fragments_is_counted_as_fragments()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("sensor");
        await using SensorProcess<SensorReport> sensor = await SniffingSensor.StartAsync(pod, default);
        using (Socket socket = node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            socket.DontFragment = false;
            byte[] frame = Ethernet(0x0800, Ipv4(A, B, 17, Udp(A, B, 1, 2, new byte[2000])));
            for (int i = 0; i < 5; i++) socket.SendTo([8, 0, 0, 0, 0, 0, 1, 0, .. frame], new IPEndPoint(pod.Ipv4, 4789));
        }

        // The first datagrams may wait for the neighbour's address.
        SensorReport report = SensorReport.Empty;
        await Eventually.ThatAsync(() => (report = sensor.ReportAsync(default).Result).Fragments == 10, "ten fragments");
        Assert.That(report, Is.EqualTo(new SensorReport(5, 0, 0, 0, 0, 0, 10, 0, 0)));
    }

    [Test]
    public async Task A_kernel_vxlan_device_with_offload_is_found_out()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("sensor", 9000);
        node.Namespace.IpBatch(
            $"link add vx0 type vxlan id 5 remote {pod.Ipv4} dstport 4789 dev {pod.HostLink}",
            "addr add 10.77.0.1/24 dev vx0", "link set vx0 up",
            "neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev vx0");
        await using SensorProcess<SensorReport> sensor = await SniffingSensor.StartAsync(pod, default);
        await using LinkCapture witness = await LinkCapture.StartAsync(pod, "udp dst port 4789");
        using (Socket socket = node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            for (int i = 0; i < 20; i++) socket.SendTo(new byte[100], new IPEndPoint(IPAddress.Parse("10.77.0.2"), 9));
        }

        IReadOnlyList<DecodedFrame> judged = await witness.StopAsync();
        SensorReport report = await sensor.ReportAsync(default);
        int bad = judged.Count(frame => frame.BadChecksums.Contains("udp.checksum.status[1]"));
        Assert.That(bad, Is.GreaterThanOrEqualTo(20));
        Assert.That(report.BadChecksums, Is.EqualTo(bad));
    }

    /// <summary>Sends the frames over a sensor's link, past its receiver and past tcpdump.</summary>
    private static async Task<(SensorReport Report, IReadOnlyList<DecodedFrame> Judged)> SniffAsync(int mtu, byte[][] frames)
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("sensor", mtu);
        await using SensorProcess<SensorReport> sensor = await SniffingSensor.StartAsync(pod, default);
        await using LinkCapture witness = await LinkCapture.StartAsync(pod, "udp portrange 4789-4790");
        using (Socket socket = node.Namespace.Run(() => PacketSocket.Open(pod.HostLink, receive: false)))
        {
            foreach (byte[] frame in frames) socket.Send(frame);
        }

        IReadOnlyList<DecodedFrame> judged = await witness.StopAsync();
        Assert.That(judged, Has.Count.EqualTo(frames.Length));
        return (await sensor.ReportAsync(default), judged);
    }
}
