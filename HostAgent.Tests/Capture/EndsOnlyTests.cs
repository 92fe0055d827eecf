using HostAgent.Capture;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>Of listed flows the kernel keeps the segments that begin and end them, and a few heads; of others all.</summary>
internal sealed unsafe class EndsOnlyTests
{
    private const int Copies = 10_240;

    private NodeNetwork _node = null!;
    private PodNetwork _api = null!, _db = null!;
    private ICapture _capture = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = TestNode.Create();
        (_api, _db) = (_node.AddRouted("api"), _node.AddRouted("db"));
        _node.Silence(_api);
        _node.Silence(_db);
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [SetUp]
    public void Begin()
    {
        _capture = _node.Namespace.Run(() => new RingCaptureFactory(new CaptureOptions()).Open(1)[0]);
        _capture.SetLinks([new(_api.HostIndex), new(_db.HostIndex)]);
    }

    [TearDown]
    public void End() => _capture.Dispose();

    private static IEnumerable<TestCaseData> Data =>
    [
        new TestCaseData(Tcp("10.60.1.1", 0x18, 500), 38).SetArgDisplayNames("IPv4"),
        new TestCaseData(Tcp("10.60.1.1", 0x10, 0), 38).SetArgDisplayNames("an acknowledgement"),
        new TestCaseData(CraftedFrame.Tcp("", new("10.60.1.1", [7, 7, 4, 0, 0, 0, 0, 0]), 500, 0).Bytes, 46)
            .SetArgDisplayNames("IP options"),
        new TestCaseData(Tcp("fd60::1", 0x18, 500), 58).SetArgDisplayNames("IPv6"),
        new TestCaseData(Tcp("fd60::1", 0x10, 0), 58).SetArgDisplayNames("an acknowledgement of IPv6"),
        new TestCaseData(Udp("10.60.1.1", "10.60.0.2", 4000, 53), 38).SetArgDisplayNames("UDP"),
    ];

    [TestCaseSource(nameof(Data))]
    public void Of_so_many_frames_one_is_drawn_by_lot_and_its_head_is_kept(byte[] frame, int head)
    {
        _capture.NeedEndsOnly([new LinkFlow(_api.HostIndex, DamagedFrame.SecretHashOf(frame))]);
        using var injector = new FrameInjector(_api);
        for (int i = 0; i < Copies; i++) injector.Send(frame);
        List<Frame> kept = ReadAll(injector);
        Assert.That(kept, Has.Count.InRange(Copies / 256 / 4, Copies / 256 * 4));
        Assert.That(kept.Select(k => (k.Length, k.Missing, k.HeadOnly, k.Unseen)).Distinct(),
            Is.EqualTo([(head, frame.Length - head, true, 255)]));
        Assert.That(_capture.ReadStatistics().Seen, Is.EqualTo(kept.Count + 1), "the kernel does not count the others");

        // Of another link's flows it is nothing to this one's.
        _capture.NeedEndsOnly([new LinkFlow(_db.HostIndex, DamagedFrame.SecretHashOf(frame))]);
        for (int i = 0; i < 100; i++) injector.Send(frame);
        Assert.That(ReadAll(injector).Select(k => (k.Length, k.Unseen)), Is.EqualTo(Enumerable.Repeat((frame.Length, 0), 100)));
    }

    [TestCase("10.60.1.1")]
    [TestCase("fd60::1")]
    public void What_begins_or_ends_a_connection_comes_whole(string source)
    {
        _capture.NeedEndsOnly([new LinkFlow(_api.HostIndex, DamagedFrame.SecretHashOf(Tcp(source, 0x10, 0)))]);
        using var injector = new FrameInjector(_api);
        // SYN, SYN-ACK, FIN with data, RST, and all of them.
        byte[][] frames = [.. new byte[] { 0x02, 0x12, 0x19, 0x04, 0x17 }.Select(flags => Tcp(source, flags, 700))];
        for (int i = 0; i < 20; i++) Array.ForEach(frames, injector.Send);
        Assert.That(ReadAll(injector).Select(k => (k.Length, k.Missing, k.HeadOnly)),
            Is.EqualTo(Enumerable.Repeat((frames[0].Length, 0, false), 100)));
    }

    [Test]
    public void Other_flows_come_whole_even_of_the_same_hosts_and_ports()
    {
        byte[] listed = Udp("10.60.1.1", "10.60.0.2", 4000, 53);
        byte[][] others =
        [
            Udp("10.60.1.1", "10.60.0.2", 53, 4000), Udp("10.60.1.1", "10.60.0.2", 4001, 53), Udp("10.60.1.1", "10.60.0.2", 4000, 54),
            Udp("10.60.1.2", "10.60.0.1", 4000, 53),
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.60.1.1", "10.60.0.2", 6, listed[34..])),
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.60.1.1", "10.60.0.2", 17, listed[34..], flagsAndOffset: 0x2000)),
            // Too short for what the filter reads.
            listed[..45], listed[..30],
        ];
        LinkFlow[] flows = [.. Enumerable.Range(1, 63).Select(i => new LinkFlow(_api.HostIndex, (uint)i)),
            new LinkFlow(_api.HostIndex, DamagedFrame.SecretHashOf(listed))];
        _capture.NeedEndsOnly(flows);
        using var injector = new FrameInjector(_api);
        for (int i = 0; i < 10; i++) Array.ForEach(others, injector.Send);
        Assert.That(ReadAll(injector).Select(k => k.Length),
            Is.EqualTo(Enumerable.Repeat(others.Select(o => o.Length), 10).SelectMany(o => o)));
        byte[] answer = Udp("10.60.0.2", "10.60.1.1", 53, 4000);
        for (int i = 0; i < 100; i++) injector.Send(answer);
        Assert.That(ReadAll(injector), Has.Count.LessThan(20), "the answers are of the same flow");
    }

    [Test]
    public void Flows_that_are_given_up_are_cut_beside_them()
    {
        byte[] listed = Udp("10.60.1.1", "10.60.0.2", 4000, 53);
        byte[] shed = Enumerable.Range(1, 1000).Select(port => Udp("10.60.1.1", "10.60.0.2", (ushort)port, 53))
            .First(frame => DamagedFrame.PartOf(frame) != DamagedFrame.PartOf(listed));
        _capture.NeedHeadsOnly([new LinkParts(_api.HostIndex, 1ul << DamagedFrame.PartOf(shed))]);
        _capture.NeedEndsOnly([new LinkFlow(_api.HostIndex, DamagedFrame.SecretHashOf(listed))]);
        using var injector = new FrameInjector(_api);
        for (int i = 0; i < 100; i++) injector.Send(shed);
        for (int i = 0; i < 100; i++) injector.Send(listed);
        List<Frame> kept = ReadAll(injector);
        Assert.That(kept.Count(k => k is { Length: FlowPart.HeadBytes, Unseen: 0 }), Is.EqualTo(100));
        Assert.That(kept, Has.Count.LessThan(120));
        _capture.NeedEndsOnly([]);
        _capture.NeedHeadsOnly([]);
        injector.Send(listed);
        Assert.That(ReadAll(injector).Single().Length, Is.EqualTo(listed.Length));
    }

    private static byte[] Tcp(string source, byte flags, int payload) => CraftedFrame.Tcp("", new(source), payload, 0, flags).Bytes;

    private static byte[] Udp(string source, string destination, ushort from, ushort to) => FrameBuilder.Ethernet(
        0x0800, FrameBuilder.Ipv4(source, destination, 17, FrameBuilder.Udp(source, destination, from, to, new byte[300])));

    /// <summary>All up to now: behind it a frame is sent that is no flow's.</summary>
    private List<Frame> ReadAll(FrameInjector injector)
    {
        const int Length = 77;
        injector.Send(FrameBuilder.Ethernet(0x88B5, new byte[Length - 14]));
        var frames = new List<Frame>();
        Eventually.That(() =>
        {
            using FrameBlock? block = _capture.Next(100);
            while (block is not null && block.TryRead(out Frame frame)) frames.Add(frame);
            return frames.Count > 0 && frames[^1].Length == Length;
        }, "the last frame is handed over");
        frames.RemoveAt(frames.Count - 1);
        return frames;
    }
}
