using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>What every way of capturing keeps: which frames, what is said of them, and that each one is counted once.</summary>
/// <param name="backend">ring or pcap.</param>
[TestFixture("ring")]
[TestFixture("pcap")]
[Parallelizable]
internal sealed class CaptureContractTests(string backend)
{
    private NodeNetwork _node = null!;
    private PodNetwork _api = null!, _db = null!;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = TestNode.Create();
        _api = Silent("api");
        _db = Silent("db");
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public void Only_frames_of_the_chosen_links_get_in_and_the_choice_changes_at_once()
    {
        using ICapture capture = Open();
        Inject(_api, 10, 100);
        Assert.That(capture.ReadStatistics().Seen, Is.Zero, "nothing before a link is chosen");
        foreach (PodNetwork[] chosen in new PodNetwork[][] { [_api], [_db], [_api, _db], [], [_db] })
        {
            Choose(capture, chosen);
            Inject(_api, 10, 100);
            Inject(_db, 10, 100);
        }

        Choose(capture);
        List<Frame> frames = ReadToEnd(capture);
        Assert.That(frames.CountBy(frame => frame.LinkIndex).OrderBy(link => link.Key),
            Is.EqualTo(new Dictionary<int, int> { [_api.HostIndex] = 20, [_db.HostIndex] = 30 }.OrderBy(link => link.Key)));
        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(50, 0, 0, 0)));
    }

    [Test]
    public void A_frame_has_its_link_its_direction_its_time_and_room_before_it()
    {
        using ICapture capture = Open();
        Choose(capture, _api);
        long before = Frame.Now;
        Inject(_api, 1, 100);
        using (var injector = new FrameInjector(_node.Namespace, _api.HostLink)) injector.Send(Bytes(200));
        Choose(capture);
        List<Frame> frames = ReadToEnd(capture);
        Assert.That(frames.Select(frame => (frame.Length, frame.ToPod, frame.Missing, frame.LinkIndex)).Order(),
            Is.EqualTo(new[] { (100, false, 0, _api.HostIndex), (200, true, 0, _api.HostIndex) }));
        Assert.That(frames.Min(frame => frame.Headroom), Is.GreaterThanOrEqualTo(74));
        Assert.That(frames.Select(frame => frame.Timestamp), Is.All.InRange(before - 1_000_000_000, before + 60_000_000_000));
    }

    [Test]
    public void What_the_filter_rejects_is_not_counted()
    {
        using ICapture capture = Open(FrameFilter.Compile("greater 150"));
        Choose(capture, _api, _db);
        foreach (PodNetwork pod in new[] { _api, _db })
        {
            Inject(pod, 5, 100);
            Inject(pod, 5, 200);
        }

        Choose(capture);
        Assert.That(ReadToEnd(capture).Select(frame => frame.Length), Is.EqualTo(Enumerable.Repeat(200, 10)));
        Assert.That(capture.ReadStatistics(), Is.EqualTo(new CaptureStatistics(10, 0, 0, 0)));
    }

    [TestCase(20_000)]
    [TestCase(200)]
    public async Task No_frame_is_off_the_account_when_links_come_and_go_under_load(int between)
    {
        using ICapture capture = Open();
        using var stop = new CancellationTokenSource();
        Task[] flood = [.. new[] { _api, _db }.Select(pod => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) Inject(pod, 100, 1000);
        }))];
        long read = 0;
        bool ended = false;
        Task reading = Task.Run(() =>
        {
            while (true)
            {
                bool last = Volatile.Read(ref ended);
                using FrameBlock? block = capture.Next(50);
                if (block is null && last) break;
                while (block is not null && block.TryRead(out _)) read++;
            }
        });
        for (int round = 0; round < 10; round++)
        {
            Choose(capture, round % 2 == 0 ? [_api, _db] : [_db]);
            long seen = capture.ReadStatistics().Seen;
            await Eventually.ThatAsync(() => capture.ReadStatistics().Seen >= seen + between, "frames come");
        }

        Choose(capture);
        Volatile.Write(ref ended, true);
        await reading;
        await stop.CancelAsync();
        await Task.WhenAll(flood);
        CaptureStatistics statistics = capture.ReadStatistics();
        Assert.That(statistics.Seen, Is.EqualTo(read + statistics.Dropped));
        Assert.That(statistics.Dropped == 0, Is.EqualTo(statistics.Overflows == 0),
            $"what is dropped is what the ring had no room for: {statistics}");
        Assert.That(read, Is.GreaterThan(10 * between / 2));
    }

    [Test]
    public async Task A_link_that_goes_takes_nothing_along()
    {
        PodNetwork gone = Silent("gone");
        using ICapture capture = Open();
        Choose(capture, _api, gone);
        Inject(gone, 10, 100);
        _node.Remove(gone);
        Inject(_api, 10, 100);
        List<Frame> frames = [];
        await Eventually.ThatAsync(() =>
        {
            frames.AddRange(ReadOnce(capture));
            return frames.Count(frame => frame.LinkIndex == _api.HostIndex) == 10;
        }, "frames of the other are read");
        Choose(capture);
        frames.AddRange(ReadToEnd(capture));
        CaptureStatistics statistics = capture.ReadStatistics();
        Assert.That((statistics.Seen, statistics.Dropped), Is.EqualTo((20, 20 - frames.Count)));
    }

    private static byte[] Bytes(int length) => FrameBuilder.Ethernet(0x88B5, new byte[length - 14]);

    private static void Inject(PodNetwork pod, int count, int length)
    {
        using var injector = new FrameInjector(pod);
        for (int i = 0; i < count; i++) injector.Send(Bytes(length));
    }

    private static List<Frame> ReadOnce(ICapture capture)
    {
        var frames = new List<Frame>();
        using FrameBlock? block = capture.Next(100);
        while (block is not null && block.TryRead(out Frame frame)) frames.Add(frame);
        return frames;
    }

    /// <summary>All that is left, after no link is chosen any more.</summary>
    private static List<Frame> ReadToEnd(ICapture capture)
    {
        var frames = new List<Frame>();
        while (ReadOnce(capture) is { Count: > 0 } more) frames.AddRange(more);
        return frames;
    }

    private ICapture Open(FrameFilter? filter = null) => _node.Namespace.Run(() =>
    {
        var options = new CaptureOptions { Filter = filter };
        ICaptureFactory factory = backend == "pcap" ? new PcapCaptureFactory(options) : new RingCaptureFactory(options);
        return factory.Open(1).Single();
    });

    private void Choose(ICapture capture, params PodNetwork[] pods) =>
        Assert.That(_node.Namespace.Run(() => capture.SetLinks([.. pods.Select(pod => new CapturedLink(pod.HostIndex))])));

    private PodNetwork Silent(string name)
    {
        PodNetwork pod = _node.AddRouted(name);
        _node.Silence(pod);
        return pod;
    }
}
