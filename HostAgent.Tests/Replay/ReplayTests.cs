using HostAgent.Commands;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Replay;

/// <summary><c>host-agent replay</c>: the program itself, a file, and tcpdump at the sensor.</summary>
[TestFixture]
[Parallelizable]
internal sealed class ReplayTests
{
    private static readonly byte[] Dns = Udp(53, 100), Other = Udp(54, 100);

    private TemporaryDirectory _files = null!;
    private NodeNetwork _node = null!;
    private PodNetwork _sensor = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _files = new TemporaryDirectory();
        _node = TestNode.Create();
        _sensor = _node.AddRouted("sensor", 9000);
    }

    [OneTimeTearDown]
    public void Remove()
    {
        _node.Dispose();
        _files.Dispose();
    }

    [TestCase("pcap")]
    [TestCase("pcapng")]
    public async Task Every_frame_reaches_the_sensor_byte_by_byte(string format)
    {
        var random = new Random(3);
        byte[][] frames =
        [
            .. Enumerable.Range(0, 500)
                .Select(n => DamagedFrame.Of(DamagedFrame.Seeds[n % DamagedFrame.Seeds.Count], random).Bytes)
                .Where(frame => frame.Length >= 14),
            FrameBuilder.Ethernet(0x88B5, new byte[8936]),
            CraftedFrame.Udp("", new("10.56.0.1", Tags: [0x81, 0, 0, 9]), 200).Bytes,
        ];
        string file = Pcap.Write(_files.File($"{format}.pcap"), frames, milliseconds: 1);
        if (format == "pcapng")
        {
            Require.Program("editcap", "wireshark-common");
            HostTool.Run("editcap", "-F", "pcapng", file, _files.File("frames.pcapng"));
            file = _files.File("frames.pcapng");
        }

        await using LinkCapture sniffer = await LinkCapture.StartAsync(_sensor, MirroredNode.TunnelFrames);
        ProgramRun run = await ReplayAsync(file);
        Assert.That((run.Code, run.Messages()), Is.EqualTo((0, Array.Empty<string>())), run.Errors);
        Assert.That(run.Output.Split('\n'),
            Does.Contain($"seen {frames.Length} = delivered {frames.Length} + in flight 0 + lost 0 (none)"));
        Assert.That(run.Output, Does.Contain($"{file}: replayed {frames.Length} frames within"));
        IReadOnlyList<DecodedFrame> datagrams = await sniffer.StopAsync();
        DecodedFrames.AssertSame(frames, datagrams.Where(frame => frame.IsVxlan).Select(frame => frame.Inner));
        Assert.That(datagrams.Select(frame => frame.Vni).Distinct(), Is.EqualTo(new[] { 1 }), "the policy's own VNI");
    }

    [Test]
    public async Task A_pods_frames_have_the_VNI_of_its_rule_and_rounds_are_counted()
    {
        PodNetwork api = _node.AddRouted("api");
        string file = Pcap.Write(_files.File("pod.pcap"), [Dns, Other]);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(_sensor, MirroredNode.TunnelFrames);
        ProgramRun run = await ReplayToAsync(
            file, Cluster(api), AgentFiles.Selected, "--pod", "shop/api", "--loop", "3", "--speed", "max");
        Assert.That((run.Code, run.Messages()), Is.EqualTo((0, Array.Empty<string>())), run.Errors);
        Assert.That(run.Output,
            Does.Contain("replayed 6 frames in 3 rounds").And.Contain("seen 6 = delivered 6 + in flight 0 + lost 0 (none)"));
        IReadOnlyList<DecodedFrame> datagrams = TunnelJudge.Judge(await sniffer.StopAsync());
        Assert.That(datagrams.Select(frame => (frame.Vni, frame.Last("udp.dstport"))),
            Is.EqualTo(Enumerable.Repeat(new[] { (4711, "53"), (4711, "54") }, 3).SelectMany(both => both)));

        (string Pod, string Why)[] refusals =
        [
            ("shop/none", "there is no such pod on node n"),
            ("security/sensor", "the policy does not select it ("),
        ];
        foreach ((string pod, string why) in refusals)
        {
            ProgramRun refused = await ReplayToAsync(file, Cluster(api), AgentFiles.Selected, "--pod", pod);
            Assert.That((refused.Code, refused.Output), Is.EqualTo((1, "")));
            Assert.That(refused.Messages().Single(), Does.StartWith($"--pod {pod}: {why}"));
        }
    }

    [Test]
    public async Task A_file_that_is_damaged_midway_is_replayed_up_to_there()
    {
        string file = Pcap.Write(_files.File("cut.pcap"), Enumerable.Repeat(Dns, 10));
        using (FileStream whole = File.OpenWrite(file)) whole.SetLength(24 + (7 * (16 + Dns.Length)) + 20);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(_sensor, MirroredNode.TunnelFrames);
        ProgramRun run = await ReplayAsync(file, "--loop", "2");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Messages().Single(),
            Does.StartWith($"{file}: frame 8 cannot be read: truncated dump file").And.EndsWith("; the frames before it were replayed"));
        Assert.That(run.Output,
            Does.Contain("ended early after 7 frames").And.Contain("seen 7 = delivered 7 + in flight 0 + lost 0 (none)"));
        Assert.That(TunnelJudge.Judge(await sniffer.StopAsync()), Has.Count.EqualTo(7));
    }

    [Test]
    public async Task What_does_not_reach_the_sensor_is_on_the_ledger_with_its_reason()
    {
        string file = Pcap.Write(_files.File("lossy.pcap"),
            [Dns, Udp(53, 60), Other, FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.60.0.1", "10.60.0.2", 17, new byte[60]))],
            snapLength: 140);
        ProgramRun run = await ReplayAsync(file, "--filter", "udp port 53", "--print");
        Assert.That((run.Code, run.Messages()), Is.EqualTo((0, Array.Empty<string>())), run.Errors);
        Assert.That(run.Output, Does.Contain("seen 4 = delivered 1 + in flight 0 + lost 3 (truncated 2, filter 1)"));
        Assert.That(run.Output.Split('\n').Where(line => line.Contains(" > ", StringComparison.Ordinal)).Select(line => line.Trim()),
            Is.EqualTo(new[]
            {
                "1     0.000000 10.60.0.1:40000 > 10.60.0.2:53 udp length 100 (2 bytes are missing)",
                "2     0.000000 10.60.0.1:40000 > 10.60.0.2:53 udp length 60",
                "3     0.000000 10.60.0.1:40000 > 10.60.0.2:54 udp length 100 (2 bytes are missing)",
            }), "what the filter rejects is not printed, unless there is too little of it to tell");
    }

    [TestCase("INT")]
    [TestCase("TERM")]
    public async Task A_signal_ends_it_with_the_sum(string signal)
    {
        // The third frame is due in an hour.
        string file = Pcap.Write(_files.File($"{signal}.pcap"), [Dns, Dns, Other], milliseconds: 1_800_000);
        await using LinkCapture sniffer = await LinkCapture.StartAsync(_sensor, MirroredNode.TunnelFrames);
        await using ChildProcess process = ChildProcess.Start(
            _node.Namespace, [.. AgentProgram.Command, "replay", file, .. Arguments(null, ByAddress), "--print"]);
        Assert.That(await process.ReadLineAsync(default).AsTask().WaitAsync(TimeSpan.FromSeconds(30)), Does.EndWith("udp length 100"));
        HostTool.Run("kill", $"-{signal}", $"{process.Id}");
        Assert.That(await process.WaitAsync(TimeSpan.FromSeconds(10)), Is.Zero, process.Errors);
        Assert.That(process.Unread,
            Does.Contain("ended early after 1 frames").And.Contain("seen 1 = delivered 1 + in flight 0 + lost 0 (none)"));
        Assert.That(process.Errors, Does.Contain("The next frame is due in 0.00:").And.Contain("--speed max does not wait"));
        Assert.That(TunnelJudge.Judge(await sniffer.StopAsync()), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task It_keeps_the_captures_pace_or_any_other()
    {
        string file = Pcap.Write(_files.File("paced.pcap"), Enumerable.Repeat(Dns, 4), milliseconds: 1000);
        long start = Environment.TickCount64;
        Assert.That((await ReplayAsync(file, "--speed", "2x")).Code, Is.Zero);
        Assert.That(Environment.TickCount64 - start, Is.GreaterThanOrEqualTo(1500), "three seconds at twice the pace");
        // An hour, at once.
        file = Pcap.Write(_files.File("hour.pcap"), [Dns, Dns], milliseconds: 3_600_000);
        Assert.That((await ReplayAsync(file, "--speed", "max")).Code, Is.Zero);
    }

    [Test]
    public async Task A_sensor_with_a_socket_gets_them_too()
    {
        string file = Pcap.Write(_files.File("socket.pcap"), Enumerable.Repeat(Dns, 20));
        using TunnelReceiver receiver = TunnelReceiver.OnSocket(_sensor, _sensor.Ipv4, 4789);
        ProgramRun run = await ReplayToAsync(file, null, $"{{address: {_sensor.Ipv4}, reads: socket}}", "--speed", "max");
        Assert.That(run.Code, Is.Zero, run.Errors);
        Assert.That(receiver.Receive(20), Is.EqualTo(Enumerable.Repeat(Dns, 20)));
    }

    [Test]
    public async Task What_cannot_be_replayed_is_refused_with_a_word()
    {
        string whole = Pcap.Write(_files.File("whole.pcap"), [Dns]);
        foreach ((string file, string why) in new[]
        {
            (_files.File("none.pcap"), "there is no such file"),
            (_files.Path, "it is a directory; name a regular file"),
            ("/dev/null", "it is a character device; name a regular file"),
            (Pcap.Write(_files.File("cooked.pcap"), [Dns], linkType: 113),
                "holds frames of link type LinuxSll (113); only Ethernet can be replayed"),
            (Pcap.Write(_files.File("wlan.pcap"), [Dns], linkType: 127),
                "holds frames of link type Ieee80211RadioTap (127); only Ethernet"),
            (_files.Write("text.pcap", "no capture, but text of some length"), "is no capture file that libpcap reads: "),
            (_files.Write("empty.pcap", ""), "is no capture file that libpcap reads: "),
        })
        {
            ProgramRun run = await ReplayAsync(file);
            Assert.That((run.Code, run.Output), Is.EqualTo((1, "")), file);
            Assert.That(run.Messages().Single(), Does.StartWith($"{file}: {why}"));
        }

        ProgramRun without = await ReplayToAsync(whole, null, "{address: 203.0.113.9}");
        Assert.That((without.Code, without.Output), Is.EqualTo((1, "")));
        Assert.That(without.Messages().Single(),
            Does.StartWith("there is no sensor to replay to: the sensor address 203.0.113.9 is not known to be on this host"));
        ProgramRun nothing = await ReplayAsync(Pcap.Write(_files.File("bare.pcap"), []), "--loop", "5");
        Assert.That(nothing.Code, Is.Zero);
        Assert.That(nothing.Output, Does.Contain("replayed 0 frames within").And.Contain("seen 0 = delivered 0"));
    }

    [TestCase("replay", "replay needs libpcap, which cannot be loaded here: install the package libpcap0.8")]
    [TestCase("filter", "a filter needs libpcap, which cannot be loaded here: install the package libpcap0.8")]
    [TestCase("check", null)]
    public async Task Without_libpcap_all_else_works(string what, string? message)
    {
        string policy = Arguments(null, ByAddress)[1], cluster = _files.Write("nobody.yaml", "- {kind: Namespace, metadata: {name: shop}}");
        string[] command = what == "replay"
            ? ["replay", Pcap.Write(_files.File("unread.pcap"), [Dns])]
            : ["check", "--cluster-file", cluster, .. what == "filter" ? (string[])["--filter", "tcp"] : []];
        // In a mount namespace of the test's own nothing can be read where the libraries are.
        const string Hide = "mount --make-rprivate / && for f in $(ldconfig -p | sed -n 's/.*libpcap.* => //p'); "
            + "do mount --bind /dev/null $f || exit 9; done; exec \"$@\"";
        await using ChildProcess process = ChildProcess.Start(
            _node.Namespace, ["unshare", "-m", "sh", "-c", Hide, "sh", .. OwnProgram.Command, .. command, "--policy", policy]);
        int? code = await process.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(code, Is.EqualTo(message is null ? 0 : 1), process.Errors);
        if (message is not null)
        {
            Assert.That(process.Errors.Split('\n')
                .Where(line => line.Contains("libpcap", StringComparison.Ordinal) && !line.StartsWith("  ", StringComparison.Ordinal)),
                Has.One.StartsWith(message));
        }
    }

    [TestCase("1x", 1)]
    [TestCase("0.5x", 0.5)]
    [TestCase("20x", 20)]
    [TestCase("max", double.PositiveInfinity)]
    [TestCase("2", null)]
    [TestCase("x", null)]
    [TestCase("0x", null)]
    [TestCase("-1x", null)]
    [TestCase("1e3x", null)]
    [TestCase("NaNx", null)]
    [TestCase("Infinityx", null)]
    [TestCase("fast", null)]
    public void Speeds(string text, double? speed) => Assert.That(ReplayOptions.ParseSpeed(text), Is.EqualTo(speed));

    private static byte[] Udp(ushort port, int payload) => FrameBuilder.Ethernet(
        0x0800, FrameBuilder.Ipv4(
            "10.60.0.1", "10.60.0.2", 17, FrameBuilder.Udp("10.60.0.1", "10.60.0.2", 40000, port, new byte[payload])));

    private string ByAddress => $"{{address: {_sensor.Ipv4}}}";

    private Task<ProgramRun> ReplayAsync(string file, params string[] further) => ReplayToAsync(file, null, ByAddress, further);

    private Task<ProgramRun> ReplayToAsync(string file, string? cluster, string sensor, params string[] further) =>
        AgentProgram.RunAsync(_node.Namespace, ["replay", file, .. Arguments(cluster, sensor), .. further]);

    private string[] Arguments(string? cluster, string sensor)
    {
        string policy = _files.Write($"{Guid.NewGuid()}.yaml", AgentFiles.PolicyOf(sensor, AgentOnNode.Vni));
        return ["--policy", policy, "--node-name", "n", .. cluster is null ? (string[])[] : ["--cluster-file", cluster]];
    }

    private string Cluster(PodNetwork api)
    {
        var files = new AgentFiles(_files.Path, "n");
        files.WriteCluster(("shop", api), (AgentFiles.Security, _sensor));
        return files.Cluster;
    }
}
