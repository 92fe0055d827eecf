using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>The ring by itself: what it counts, what it says of a frame, and that only the chosen links' frames get in.</summary>
[TestFixture]
[Parallelizable]
internal sealed unsafe class RingCaptureTests
{
    private NodeNetwork _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = TestNode.Create();
        _api = _node.AddRouted("api", 65535);
        _db = _node.AddRouted("db");
        _node.Silence(_api);
        _node.Silence(_db);
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public void What_the_ring_has_no_room_for_is_counted_as_dropped_and_nothing_is_counted_twice()
    {
        const int Count = 2000;
        using ICapture capture = Open(new CaptureOptions(RingBytes: 256 << 10, BlockBytes: 64 << 10));
        capture.SetLinks([new(_api.HostIndex)]);
        Inject(_api, Frame(1000), Count);
        CaptureStatistics full = capture.ReadStatistics();
        Assert.That(full.Seen, Is.EqualTo(Count));
        Assert.That(full.Dropped, Is.InRange(Count / 2, Count - 100));
        Assert.That((full.UnknownOffload, full.Overflows), Is.EqualTo((0, 1)));
        Assert.That(Read(capture, (int)(Count - full.Dropped)), Has.Count.EqualTo(Count - full.Dropped));

        // Emptied, it takes frames again.
        Inject(_api, Frame(1000), 20);
        Assert.That(Read(capture, 20), Has.Count.EqualTo(20));
        Assert.That(capture.ReadStatistics(), Is.EqualTo(full with { Seen = Count + 20 }));
    }

    [Test]
    public void Only_frames_of_the_chosen_links_get_in_and_the_choice_changes_at_once()
    {
        using ICapture capture = Open(new CaptureOptions());
        Inject(_api, Frame(100), 10);
        Inject(_db, Frame(100), 10);
        Assert.That(capture.ReadStatistics().Seen, Is.Zero, "nothing before a link is chosen");
        capture.SetLinks([new(_api.HostIndex)]);
        Inject(_api, Frame(100), 10);
        Inject(_db, Frame(100), 10);
        capture.SetLinks([new(_db.HostIndex)]);
        Inject(_api, Frame(100), 10);
        Inject(_db, Frame(100), 10);
        capture.SetLinks([]);
        Inject(_db, Frame(100), 10);
        List<Frame> frames = Read(capture, 20);
        Assert.That(frames.Select(frame => frame.LinkIndex),
            Is.EqualTo([.. Enumerable.Repeat(_api.HostIndex, 10), .. Enumerable.Repeat(_db.HostIndex, 10)]));
        Assert.That(capture.ReadStatistics().Seen, Is.EqualTo(20));
    }

    [Test]
    public void Without_links_it_hears_no_frame_of_the_node_at_all()
    {
        using ICapture capture = Open(new CaptureOptions());
        Assert.That(ListenersToAllFrames(), Is.Zero);
        for (int round = 0; round < 3; round++)
        {
            capture.SetLinks([new(_api.HostIndex)]);
            Assert.That(ListenersToAllFrames(), Is.EqualTo(1));
            Inject(_api, Frame(100), 10);
            capture.SetLinks([]);
            Assert.That(ListenersToAllFrames(), Is.Zero);
            Inject(_api, Frame(100), 10);
            Assert.That(Read(capture, 10), Has.Count.EqualTo(10), "what was accepted before is handed over");
        }

        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(30, 0, 0, 0)));
    }

    [Test]
    public void A_frame_has_its_direction_its_time_and_room_before_it()
    {
        using ICapture capture = Open(new CaptureOptions());
        capture.SetLinks([new(_api.HostIndex)]);
        long before = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        Inject(_api, Frame(100), 1);
        using (var injector = new FrameInjector(_node.Namespace, _api.HostLink)) injector.Send(Frame(200));
        List<Frame> frames = Read(capture, 2);
        Assert.That(frames.Select(frame => (frame.Length, frame.ToPod, frame.Missing)), Is.EqualTo([(100, false, 0), (200, true, 0)]));
        // The tunnel's headers over IPv6 are the longest: 14 + 40 + 8 + 8, and a VLAN tag may have to be put back.
        Assert.That(frames.Min(frame => frame.Headroom), Is.GreaterThanOrEqualTo(74));
        Assert.That(frames.Select(frame => frame.Timestamp), Is.All.InRange(before - 1_000_000_000, before + 60_000_000_000));
    }

    [Test]
    public void A_frame_longer_than_a_block_is_marked_as_cut()
    {
        using ICapture capture = Open(new CaptureOptions(RingBytes: 256 << 10, BlockBytes: 16 << 10));
        capture.SetLinks([new(_api.HostIndex)]);
        Inject(_api, Frame(40_000), 1);
        Inject(_api, Frame(4000), 1);
        List<Frame> frames = Read(capture, 2);
        Assert.That(frames.Select(frame => frame.Missing > 0), Is.EqualTo([true, false]));
        Assert.That(frames[0].Length, Is.LessThan(16 << 10));
    }

    [Test]
    public void What_the_kernel_has_no_words_for_is_no_frame_no_overload_but_counted_by_itself()
    {
        const byte FragmentedUdp = 3;
        using var tap = new TapLink(_node.Namespace, "tap0");
        _node.Namespace.Sysctl("net/ipv6/conf/tap0/disable_ipv6", "1");
        // A block more than a round has frames: on a busy machine each of them may lie in a block of its own before any is read.
        using ICapture capture = Open(new CaptureOptions(RingBytes: 256 << 10, BlockBytes: 64 << 10));
        capture.SetLinks([new(tap.Index)]);
        CraftedFrame ordinary = CraftedFrame.Udp("", new("10.60.0.1"), 8000),
            refused = CraftedFrame.Udp("", new("10.60.0.1"), 3000, 1480) with { GsoType = FragmentedUdp };
        // Round and round, so that an earlier frame lies where the refused one would be.
        for (int round = 0; round < 20; round++)
        {
            tap.Send(ordinary);
            tap.Send(refused);
            tap.Send(ordinary);
            Assert.That(Read(capture, 2).Select(frame => (frame.Length, frame.LinkIndex)),
                Is.EqualTo(Enumerable.Repeat((ordinary.Bytes.Length, tap.Index), 2)));
        }

        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(60, 20, 20, 0)));
    }

    [Test]
    public void Offload_is_told_as_it_was_given()
    {
        using ICapture capture = Open(new CaptureOptions());
        capture.SetLinks([new(_api.HostIndex)]);
        CraftedFrame tcp = CraftedFrame.Tcp("", new("10.60.0.1"), 5000, 1000),
            udp = CraftedFrame.Udp("", new("fd60::1", Tags: [0x81, 0, 0, 9]), 3000, 500);
        using (var injector = new FrameInjector(_api))
        {
            injector.Send(tcp);
            injector.Send(udp);
            injector.Send(Frame(60));
        }

        List<Frame> frames = Read(capture, 3);
        Assert.That(frames.Select(frame => frame.Offload), Is.EqualTo(
        [
            new FrameOffload
            {
                NeedsChecksum = true, ChecksumStart = 34, ChecksumOffset = 16, Segmentation = SegmentationKind.TcpV4, SegmentSize = 1000,
            },
            // The tag travels beside the frame, so the transport header is four bytes nearer.
            new FrameOffload
            {
                NeedsChecksum = true, ChecksumStart = 54, ChecksumOffset = 6, Segmentation = SegmentationKind.Udp, SegmentSize = 500,
            },
            default(FrameOffload),
        ]));
        Assert.That(frames.Select(frame => frame.VlanTag), Is.EqualTo([0u, 0x8100_0009u, 0u]));
    }

    [Test]
    public void The_kernel_cuts_the_frames_of_exactly_the_flows_that_are_given_up()
    {
        using ICapture capture = Open(new CaptureOptions());
        capture.SetLinks([new(_api.HostIndex), new(_db.HostIndex)]);
        var random = new Random(7);
        var frames = new List<(byte[] Bytes, bool Cuttable)>();
        for (int flow = 0; flow < 100; flow++)
        {
            ushort port = (ushort)random.Next(1, 65536);
            string host = $"{random.Next(256)}.{random.Next(1, 255)}", v6 = $"fd60::{random.Next(65536):x}:{random.Next(65536):x}";
            frames.Add((Udp($"10.60.{host}", "10.60.0.2", port, 53, 300), true));
            frames.Add((Udp("10.60.0.2", $"10.60.{host}", 53, port, 300), true));
            frames.Add((Udp($"10.60.{host}", "10.60.0.2", port, 53, 20), false));
            frames.Add((FrameBuilder.Ethernet(
                0x86DD, FrameBuilder.Ipv6(v6, "fd60::2", 17, FrameBuilder.Udp(v6, "fd60::2", port, 53, new byte[300]))), true));
            frames.Add((CraftedFrame.Tcp("", new($"10.60.{host}", [7, 7, 4, 0, 0, 0, 0, 0]), 500 + flow, 0).Bytes, true));
            frames.Add((CraftedFrame.Tcp("", new(v6, [6, 0, 1, 4, 0, 0, 0, 0]), 500 + flow, 0).Bytes, false));
            frames.Add((FrameBuilder.Ethernet(
                0x0800, FrameBuilder.Ipv4($"10.60.{host}", "10.60.0.2", 17, new byte[300], flagsAndOffset: 0x2000)), false));
            frames.Add((FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4($"10.60.{host}", "10.60.0.2", 1, new byte[300])), false));
        }

        foreach (ulong parts in new ulong[] { 0, 1, 1ul << 40, 0x8421_0FF0_1234_8001, ulong.MaxValue })
        {
            // Of another link's flows, too: that is nothing to this one's.
            capture.NeedHeadsOnly([new LinkParts(_db.HostIndex, ~parts), new LinkParts(_api.HostIndex, parts)]);
            // A change of links does not change what is given up.
            capture.SetLinks(parts == 1 ? [new(_api.HostIndex)] : [new(_db.HostIndex), new(_api.HostIndex)]);
            using (var injector = new FrameInjector(_api)) frames.ForEach(frame => injector.Send(frame.Bytes));
            List<Frame> captured = Read(capture, frames.Count);
            (int Length, bool HeadOnly)[] expected = [.. frames.Select(
                frame => IsCut(frame.Bytes, frame.Cuttable, parts) ? (FlowPart.HeadBytes, true) : (frame.Bytes.Length, false))];
            Assert.That(captured.Select(frame => (frame.Length, frame.HeadOnly)), Is.EqualTo(expected), $"parts {parts:x}");
            Assert.That(captured.Select(frame => frame.Length + frame.Missing), Is.EqualTo(frames.Select(frame => frame.Bytes.Length)));
        }

        Assert.That(frames.Select(frame => DamagedFrame.PartOf(frame.Bytes)).Distinct().Count(), Is.GreaterThan(FlowPart.Count * 3 / 4),
            "the flows spread over the parts");
        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(5 * frames.Count, 0, 0, 0)));
    }

    [Test]
    public void Captures_of_a_group_share_the_flows_and_each_has_both_directions_of_its_own()
    {
        IReadOnlyList<ICapture> captures = _node.Namespace.Run(() => new RingCaptureFactory(new CaptureOptions()).Open(2));
        try
        {
            foreach (ICapture capture in captures) capture.SetLinks([new(_api.HostIndex), new(_db.HostIndex)]);
            for (int port = 1; port <= 40; port++)
            {
                Inject(_api, Udp("10.60.0.1", "10.60.0.2", (ushort)port, 53), 1);
                Inject(_db, Udp("10.60.0.2", "10.60.0.1", 53, (ushort)port), 1);
            }

            long[] seen = [.. captures.Select(capture => capture.ReadStatistics().Seen)];
            Assert.That(seen.Sum(), Is.EqualTo(80));
            Assert.That(seen, Is.All.GreaterThanOrEqualTo(16), "neither has all");
            for (int i = 0; i < captures.Count; i++)
            {
                List<Frame> frames = Read(captures[i], (int)seen[i]);
                Assert.That(frames.Count(frame => frame.LinkIndex == _api.HostIndex),
                    Is.EqualTo(frames.Count(frame => frame.LinkIndex == _db.HostIndex)));
            }
        }
        finally
        {
            foreach (ICapture capture in captures) capture.Dispose();
        }
    }

    /// <summary>Where all of a link's flows are given up, nobody needs to know which one a frame belongs to.</summary>
    private static bool IsCut(byte[] frame, bool cuttable, ulong parts) => parts == ulong.MaxValue
        ? frame.Length > FlowPart.HeadBytes
        : cuttable && (parts >> DamagedFrame.PartOf(frame) & 1) != 0;

    private static byte[] Frame(int length) => FrameBuilder.Ethernet(0x88B5, new byte[length - 14]);

    private static byte[] Udp(string source, string destination, ushort from, ushort to, int payload = 20) =>
        FrameBuilder.Ethernet(
            0x0800, FrameBuilder.Ipv4(source, destination, 17, FrameBuilder.Udp(source, destination, from, to, new byte[payload])));

    private static void Inject(PodNetwork pod, byte[] frame, int count)
    {
        using var injector = new FrameInjector(pod);
        for (int i = 0; i < count; i++) injector.Send(frame);
    }

    /// <summary>
    /// packet(7): the sockets of the node for which the kernel clones each frame. sk RefCnt Type Proto Iface R ..., Proto in hexadecimal, 3
    /// is ETH_P_ALL.
    /// </summary>
    private int ListenersToAllFrames() =>
        _node.Namespace.Run(() => File.ReadAllLines("/proc/thread-self/net/packet"))
            .Count(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3] == "0003");

    /// <summary>Reads until so many frames have come; what a frame points to is gone when this returns.</summary>
    private static List<Frame> Read(ICapture capture, int count)
    {
        var frames = new List<Frame>();
        Eventually.That(() =>
        {
            using FrameBlock? block = capture.Next(100);
            while (block is not null && block.TryRead(out Frame frame)) frames.Add(frame);
            return frames.Count >= count;
        }, $"{count} frames are handed over");
        return frames;
    }

    private ICapture Open(CaptureOptions options) => _node.Namespace.Run(() => new RingCaptureFactory(options).Open(1)[0]);
}
