using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>A sensor whose link has no more room than the pods' have: whole frames of full size leave as IP fragments.</summary>
[TestFixture]
[Parallelizable]
internal sealed class FragmentsTests
{
    private const int Mtu = 1500;

    private MirroredNode _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = new MirroredNode(Mtu);
        _api = _node.Node.AddRouted("api");
        _db = _node.Node.AddRouted("db");
        // Frames are counted exactly.
        _node.Silence(_api);
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [TestCase(false)]
    [TestCase(true)]
    public async Task Whole_frames_that_do_not_fit_arrive_as_fragments_of_the_same_frame(bool v6)
    {
        _node.Mirror([_node.EndpointOf(_node.Sensor, v6)], (_api, 7));
        // The largest frame that fits: without IP, UDP and VXLAN headers.
        int limit = Mtu - (v6 ? 40 : 20) - 8 - 8;
        int[] sizes = [60, limit - 1, limit, limit + 1, limit + 8, 1513, 1514];
        byte[][] frames = [.. sizes.Select((size, i) => FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.52.0.1", "10.52.0.2", 17,
            FrameBuilder.Udp("10.52.0.1", "10.52.0.2", (ushort)(1000 + i), 9, new byte[size - 42]))))];
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        using (var injector = new FrameInjector(_api)) Array.ForEach(frames, injector.Send);
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + frames.Length);

        IReadOnlyList<DecodedFrame> captured = await sensor.StopAsync();
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured, Mtu).Where(datagram => datagram.Last("ip.src") == "10.52.0.1")];
        Assert.That(datagrams.Select(datagram => Convert.ToHexString(datagram.Inner)), Is.EqualTo(frames.Select(Convert.ToHexString)));
        Assert.That(after.Fragmented - before.Fragmented, Is.EqualTo(4));
        Assert.That(after.Segments - before.Segments, Is.EqualTo(frames.Length),
            "a datagram counts once, in however many fragments it leaves");
        Assert.That(captured.Count(frame => frame.Bytes.Length > 100 && !frame.IsVxlan), Is.EqualTo(4), "a first fragment for each");
        Assert.That(after.Losses.Sum(), Is.EqualTo(before.Losses.Sum()));
    }

    [Test]
    public async Task A_super_datagram_whose_datagrams_do_not_fit_is_one_frame_on_the_ledger()
    {
        _node.Mirror(8, _api);
        LedgerSnapshot before = await _node.SettledAsync();
        using (var injector = new FrameInjector(_api)) injector.Send(CraftedFrame.Udp("", new("10.52.0.4"), 10 * 1472, 1472));
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + 1);
        Assert.That((after.Delivered - before.Delivered, after.Fragmented - before.Fragmented, after.Segments - before.Segments),
            Is.EqualTo((1, 1, 10)));
    }

    [Test]
    public async Task A_frame_of_64_KiB_leaves_as_many_fragments_and_every_size_of_the_tail_is_right()
    {
        // A frame this long and not cut is what a jumbo link has; the pod's link only carries it.
        PodNetwork jumbo = _node.Node.AddRouted("jumbo", 65535);
        _node.Mirror(9, jumbo);
        byte[][] frames = [.. new[] { 65_485, 65_499, 64_000, 30_001, 4444 }.Select((size, i) => FrameBuilder.Ethernet(0x0800,
            FrameBuilder.Ipv4(
                "10.52.0.3", "10.52.0.2", 17, FrameBuilder.Udp("10.52.0.3", "10.52.0.2", (ushort)(1000 + i), 9, new byte[size - 42]))))];
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        using (var injector = new FrameInjector(jumbo))
        {
            Array.ForEach(frames, injector.Send);
            // One byte more than a datagram can carry: 65,507 less the VXLAN header.
            injector.Send(FrameBuilder.Ethernet(0x88B5, new byte[65_500 - 14]));
        }

        LedgerSnapshot after = await _node.SettledAsync(before.Seen + frames.Length + 1);
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sensor.StopAsync(), Mtu)
            .Where(datagram => datagram.Last("ip.src") == "10.52.0.3")];
        Assert.That(datagrams.Select(datagram => Convert.ToHexString(datagram.Inner)), Is.EqualTo(frames.Select(Convert.ToHexString)));
        Assert.That(after.Lost(LossReason.Oversize) - before.Lost(LossReason.Oversize), Is.EqualTo(1));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Segments_of_a_super_frame_are_cut_to_fit(bool v6)
    {
        _node.Mirror([_node.EndpointOf(_node.Sensor, v6)], (_api, 7), (_db, 7));
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        CraftedFrame frame = CraftedFrame.Tcp("TCP", new("10.52.0.4"), 30_000, 1448);
        using (var injector = new FrameInjector(_api)) injector.Send(frame);
        await _node.SettledAsync(before.Seen + 1);
        IReadOnlyList<DecodedFrame> captured = await sensor.StopAsync();
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(captured, Mtu).Where(datagram => datagram.Last("ip.src") == "10.52.0.4")];
        Assert.That(captured.Where(other => other.IsFragment && !other.IsVxlan), Is.Empty);
        Assert.That(datagrams.Max(datagram => datagram.Bytes.Length), Is.EqualTo(14 + Mtu));
        byte[] payload = DecodedFrames.TcpPayload(datagrams, 50000, 80);
        Assert.That(payload.AsSpan().SequenceEqual(frame.Bytes.AsSpan(frame.Headers)));
        Assert.That(datagrams.Select(datagram => datagram.Last("tcp.flags")),
            Is.EqualTo([.. Enumerable.Repeat("0x0010", datagrams.Length - 1), "0x0018"]), "PSH on the last only");
    }

    [Test]
    public async Task Datagrams_of_a_super_datagram_that_do_not_fit_arrive_as_fragments()
    {
        _node.Mirror(8, _api);
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        CraftedFrame frame = CraftedFrame.Udp("UDP", new("10.52.0.5"), 14_000, 1472);
        using (var injector = new FrameInjector(_api)) injector.Send(frame);
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + 1);
        DecodedFrame[] datagrams = [.. TunnelJudge.Judge(await sensor.StopAsync(), Mtu)
            .Where(datagram => datagram.Last("ip.src") == "10.52.0.5")];
        Assert.That(after.Losses.Sum(), Is.EqualTo(before.Losses.Sum()), "a frame is never lost because it is too large for one datagram");
        Assert.That(datagrams.SelectMany(datagram => datagram.InnerUdpPayload()).SequenceEqual(frame.Bytes[frame.Headers..]));
    }
}
