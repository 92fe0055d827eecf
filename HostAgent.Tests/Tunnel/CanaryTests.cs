using System.Diagnostics;
using System.Text;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>Marked frames of the agent's own, as tshark sees them where the sensor is, beside the ledger.</summary>
[TestFixture]
[Parallelizable]
internal sealed class CanaryTests
{
    private const uint Vni = 77;

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_sniffing_sensor_gets_one_after_the_other_and_the_ledger_none(bool v6)
    {
        using MirroredNode node = Node(new SensorPolicy());
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        await using LinkCapture sensor = await node.SniffAsync();
        Round(node, v6, api);
        UdpTalk.Echo(api, db, db.Ipv4, 7002);
        LedgerSnapshot before = await node.SettledAsync(6);
        Assert.That(node.CanariesSent, Is.Zero, "nobody has asked for any");
        await SendAsync(node, v6, 2, api);
        node.CanaryVni = null;
        Round(node, v6, api);
        UdpTalk.Echo(api, db, db.Ipv4, 7002);
        LedgerSnapshot after = await node.SettledAsync(before.Seen + 6);
        Assert.That(node.CanariesSent, Is.EqualTo(2), "nobody asks for more");
        Assert.That((after.Delivered - before.Delivered, after.Segments - before.Segments, after.InFlight),
            Is.EqualTo((after.Seen - before.Seen, after.Seen - before.Seen, 0)), "the pods' frames alone");

        Judge((await sensor.StopAsync()).Where(IsCanary), v6);
        // By the words of docs/sensors.md.
        string[] lines = HostTool.Run("tshark", "-n", "-r", sensor.File, "-Y", "ip.dst == 198.51.100.1 && udp.dstport == 9",
            "-o", "data.show_as_text:TRUE", "-T", "fields", "-e", "vxlan.vni", "-e", "data.text")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Is.EqualTo(new[] { "77\thost-agent canary node-1 1", "77\thost-agent canary node-1 2" }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_sensor_that_reads_a_socket_gets_them_and_that_nobody_listens_is_counted(bool v6)
    {
        using MirroredNode node = Node(new SensorPolicy { Reads = SensorReads.Socket });
        using (var sensor = new UdpSensor(node.Sensor.Namespace, v6 ? node.Sensor.Ipv6! : node.Sensor.Ipv4, 4789))
        {
            await SendAsync(node, v6, 2);
            await Eventually.ThatAsync(() => sensor.Received.Count == 2, "the socket has both");
            Assert.That(sensor.Received.Select(received => Convert.ToHexStringLower(received.Datagram[..8])),
                Is.All.EqualTo("0800000000004d00"), "VNI 77");
            Assert.That(sensor.Received.Select(received => received.Port), Is.SubsetOf(Enumerable.Range(49152, 16)));
            Judge(await Pcap.DecodeAsync(sensor.Received.Select(received => received.Datagram[8..])), v6: false, vxlan: false);
        }

        for (uint i = 3; i <= 5; i++) await SendAsync(node, v6, i);
        await Eventually.ThatAsync(() =>
        {
            Round(node, v6);
            return node.Ledger.Unreachable > 0;
        }, "nobody listens any more");
        Assert.That((node.Ledger.InWords(), node.Ledger.Segments), Is.EqualTo((LedgerSnapshot.Empty.InWords(), 0L)));
    }

    [Test]
    public async Task None_is_sent_before_its_time()
    {
        using var node = new MirroredNode(canaries: TimeSpan.FromHours(1));
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        await SendAsync(node, v6: false, 1, api);
        for (int i = 0; i < 3; i++)
        {
            long seen = node.Ledger.Seen;
            Round(node, v6: false, api);
            // Who has sent a frame since has adopted the plan.
            UdpTalk.Echo(api, db, db.Ipv4, 7002);
            await node.SettledAsync(seen + 6);
        }

        Assert.That(node.CanariesSent, Is.EqualTo(1));
    }

    [TestCase(StreamFormat.Pcap, StreamEncapsulation.None)]
    [TestCase(StreamFormat.Pcapng, StreamEncapsulation.None)]
    [TestCase(StreamFormat.Pcap, StreamEncapsulation.Vxlan)]
    [TestCase(StreamFormat.Pcapng, StreamEncapsulation.Vxlan)]
    public async Task A_stream_has_them_as_records(StreamFormat format, StreamEncapsulation around)
    {
        using MirroredNode node = Node(new SensorPolicy
        {
            Reads = SensorReads.Stream,
            Port = StreamSensor.Port,
            Format = format,
            Encapsulation = around,
        });
        PodNetwork api = node.Node.AddRouted("api"), db = node.Node.AddRouted("db");
        node.CanaryVni = Vni;
        Round(node, v6: false, api);
        Assert.That(node.CanariesSent, Is.Zero, "there is no connection");
        node.CanaryVni = null;
        using var sensor = new StreamSensor(node.Sensor);
        Round(node, v6: false, api);
        await Eventually.ThatAsync(() => sensor.Received > 0, "the stream begins");
        await SendAsync(node, v6: false, 1, api);
        UdpTalk.Echo(api, db, db.Ipv4, 7002);
        await SendAsync(node, v6: false, 2, api);
        node.CanaryVni = null;
        node.Mirror([]);
        LedgerSnapshot ledger = await node.SettledAsync();
        await Eventually.ThatAsync(() => sensor.Ended == 1, "the stream ends");

        string file = sensor.File(0);
        ProgramRun infos = HostTool.RunToEnd(new ProcessStartInfo("capinfos", [file]));
        Assert.That((infos.Code, infos.Errors), Is.EqualTo(((int?)0, "")), infos.Output);
        if (format == StreamFormat.Pcapng)
        {
            Assert.That(infos.Output, Does.Match("Name = canary").And.Match(@"VNI 77"));
            HostTool.Run("editcap", "-F", "nsecpcap", file, file + ".pcap");
            file += ".pcap";
        }

        IReadOnlyList<DecodedFrame> frames = await Tshark.DecodeAsync(file);
        Assert.That(frames, Has.Count.EqualTo(ledger.Segments + 2));
        Judge(frames.Where(IsCanary), v6: false, vxlan: around == StreamEncapsulation.Vxlan);
    }

    private static MirroredNode Node(SensorPolicy policy) => new(canaries: TimeSpan.Zero) { Policy = policy };

    private static void Round(MirroredNode node, bool v6, params PodNetwork[] pods) =>
        node.Mirror([node.EndpointOf(node.Sensor, v6)], [.. pods.Select(pod => (pod, 33u))]);

    /// <summary>One more in each round, until so many are sent.</summary>
    private static async Task SendAsync(MirroredNode node, bool v6, uint count, params PodNetwork[] pods)
    {
        node.CanaryVni = Vni;
        while (node.CanariesSent < count)
        {
            long before = node.CanariesSent;
            Round(node, v6, pods);
            await Eventually.ThatAsync(() => node.CanariesSent > before, "a canary is sent");
        }
    }

    private static bool IsCanary(DecodedFrame frame) => frame.Last("udp.dstport") == "9";

    private static void Judge(IEnumerable<DecodedFrame> canaries, bool v6, bool vxlan = true)
    {
        DecodedFrame[] all = [.. canaries];
        Assert.That(all.Select(canary => Encoding.ASCII.GetString(
            Convert.FromHexString(canary.Last("udp.payload")!.Replace(":", "", StringComparison.Ordinal)))),
            Is.EqualTo(new[] { "host-agent canary node-1 1", "host-agent canary node-1 2" }));
        foreach (DecodedFrame canary in all)
        {
            Assert.That(canary.IsMalformed, Is.False, $"{canary}");
            Assert.That(canary.BadChecksums, Is.Empty);
            Assert.That((canary.Last("eth.src"), canary.Last("eth.dst")), Is.EqualTo(("02:63:61:6e:61:31", "02:63:61:6e:61:32")));
            Assert.That((canary.Last("ip.src"), canary.Last("ip.dst")), Is.EqualTo(("192.0.2.1", "198.51.100.1")));
            if (vxlan) Assert.That(canary.Vni, Is.EqualTo((int)Vni));
            if (v6) Assert.That(canary.First("ipv6.dst"), Is.Not.Null);
        }

        Assert.That(all.Select(canary => canary.Last("udp.srcport")), Is.EqualTo(
            new[] { $"{Canary.FirstSourcePort + 1}", $"{Canary.FirstSourcePort + 2}" }), "each a flow of its own");
    }
}
