using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using HostAgent.Accounts;
using HostAgent.Observability;
using Prometheus;

namespace HostAgent.Tests.Observability;

public sealed class PodMetricsTests
{
    private const string Frames = "hostagent_pod_frames_total";

    private ImmutableArray<PodTraffic> _pods = [];
    private long _pages;
    private AgentMetrics _metrics = null!;

    [SetUp]
    public void Begin()
    {
        _pods = [];
        _pages = 0;
        _metrics = new AgentMetrics(new MetricSources
        {
            // One more in each, so that pages have an order.
            Ledger = () => LedgerSnapshot.Empty with
            {
                Seen = ++_pages,
                Delivered = _pages / 2,
                Losses = LedgerSnapshot.Empty.Losses.SetItem(0, _pages / 3),
            },
            Status = () => Example.Status,
            Pods = () => _pods,
            FrameAge = () => new HistogramSnapshot([1], [_pages, 0], _pages),
            PolicyReloadSuccessful = () => true,
        });
    }

    [TearDown]
    public void End() => _metrics.Dispose();

    [Test]
    public async Task The_series_of_a_pod_end_with_it()
    {
        _pods = [new("a", "p", "u1", 10, 1000, 1)];
        MetricsPage page = await MetricsPage.Of(_metrics);
        Assert.That(
            (page[Series("p")],
                page["hostagent_pod_bytes_total{namespace=\"a\",pod=\"p\"}"],
                page["hostagent_pod_frames_lost_total{namespace=\"a\",pod=\"p\"}"]),
            Is.EqualTo((10, 1000, 1)));
        _pods = [new("a", "next", "u2", 1, 1, 0)];
        page = await MetricsPage.Of(_metrics);
        Assert.That(page.Text, Does.Not.Contain("pod=\"p\""));
        Assert.That(page[Series("next")], Is.EqualTo(1));
        _pods = [];
        Assert.That((await MetricsPage.Of(_metrics)).Text, Does.Not.Contain("pod=\""));
    }

    [Test]
    public async Task Only_a_pod_with_a_filter_has_the_estimate_of_what_it_rejected()
    {
        const string Rejected = "hostagent_pod_frames_rejected_estimate";
        PodTraffic without = new("a", "q", "u2", 1, 1, 0), with = new PodTraffic("a", "p", "u1", 1, 1, 0) { RejectedEstimate = 30 };
        _pods = [without, with];
        MetricsPage page = await MetricsPage.Of(_metrics);
        Assert.That(page[$"{Rejected}{{namespace=\"a\",pod=\"p\"}}"], Is.EqualTo(30));
        Assert.That(page.Text, Does.Not.Contain($"{Rejected}{{namespace=\"a\",pod=\"q\"}}"));
        _pods = [without, with with { RejectedEstimate = null }];
        Assert.That((await MetricsPage.Of(_metrics)).Text, Does.Not.Contain($"{Rejected}{{"));
    }

    [Test]
    public async Task A_later_pod_of_the_same_name_begins_anew()
    {
        _pods = [new("a", "p", "u1", 10, 1000, 1)];
        await MetricsPage.Of(_metrics);
        _pods = [new("a", "p", "u2", 3, 300, 0)];
        Assert.That((await MetricsPage.Of(_metrics))[Series("p")], Is.EqualTo(3));
    }

    [Test]
    public async Task Two_pods_that_have_each_others_names_now_are_told_apart()
    {
        _pods = [new("a", "p", "u1", 10, 1000, 1), new("a", "q", "u2", 500, 1, 0), new("b", "a", "u3", 7, 1, 0)];
        await MetricsPage.Of(_metrics);
        _pods = [new("a", "q", "u1", 10, 1000, 1), new("a", "p", "u2", 500, 1, 0), new("a", "b", "u3", 7, 1, 0)];
        MetricsPage page = await MetricsPage.Of(_metrics);
        Assert.That(page.Of(Frames),
            Is.EqualTo(new Dictionary<string, double> { [Series("p")] = 500, [Series("q")] = 10, [Series("b")] = 7 }));
    }

    [Test]
    public async Task A_pod_and_its_successor_are_one_series_that_goes_on_with_the_successor()
    {
        _pods = [new("a", "db-0", "old", 10, 1000, 1)];
        Assert.That((await MetricsPage.Of(_metrics))[Series("db-0")], Is.EqualTo(10));
        _pods = [new("a", "db-0", "old", 11, 1000, 1), new("a", "db-0", "new", 2, 200, 0)];
        Assert.That((await MetricsPage.Of(_metrics))[Series("db-0")], Is.EqualTo(13));
        _pods = [new("a", "db-0", "new", 5, 200, 0)];
        Assert.That((await MetricsPage.Of(_metrics))[Series("db-0")], Is.EqualTo(16));
    }

    [Test]
    public async Task A_pod_that_is_counted_from_0_again_does_not_take_its_counter_back()
    {
        _pods = [new("a", "p", "u1", 10, 1000, 2)];
        await MetricsPage.Of(_metrics);
        _pods = [new("a", "p", "u1", 4, 400, 0)];
        MetricsPage page = await MetricsPage.Of(_metrics);
        Assert.That(page.Of(Frames), Is.EqualTo(new Dictionary<string, double> { [Series("p")] = 14 }));
        Assert.That(page["hostagent_pod_frames_lost_total{namespace=\"a\",pod=\"p\"}"], Is.EqualTo(2));
    }

    [Test]
    public async Task Pages_made_at_once_while_pods_come_and_go_are_each_of_one_moment()
    {
        const int scrapers = 6, pages = 150;
        using var ended = new CancellationTokenSource();
        Task churn = Task.Run(() => Churn(ended.Token));
        MetricsPage[][] made = await Task.WhenAll(Enumerable.Range(0, scrapers).Select(scraper => Task.Run(async () =>
        {
            var mine = new MetricsPage[pages];
            for (int i = 0; i < pages; i++)
                mine[i] = await MetricsPage.Of(
                    _metrics, (i + scraper) % 2 == 0 ? ExpositionFormat.PrometheusText : ExpositionFormat.OpenMetricsText);
            return mine;
        })));
        await ended.CancelAsync();
        await churn;

        MetricsPage[] ordered = [.. made.SelectMany(mine => mine).OrderBy(page => page["hostagent_frames_seen_total"])];
        Assert.That(ordered.Select(page => page["hostagent_frames_seen_total"]), Is.EqualTo(Enumerable.Range(1, scrapers * pages)),
            "each is a snapshot of its own");
        var last = new Dictionary<string, double>();
        var seen = new HashSet<string>();
        foreach (MetricsPage page in ordered)
        {
            double lost = page.Of("hostagent_frames_lost_total").Values.Sum();
            Assert.That(page["hostagent_frames_seen_total"],
                Is.EqualTo(page["hostagent_frames_delivered_total"] + page["hostagent_frames_in_flight"] + lost));
            Assert.That(page["hostagent_frame_age_seconds_count"], Is.EqualTo(page["hostagent_frames_seen_total"]));
            Dictionary<string, double> now = page.Of(Frames), bytes = page.Of("hostagent_pod_bytes_total");
            Assert.That(bytes.ToDictionary(pod => pod.Key.Replace("bytes", "frames", StringComparison.Ordinal), pod => pod.Value / 100),
                Is.EquivalentTo(now));
            foreach ((string pod, double frames) in now) Assert.That(frames, Is.GreaterThanOrEqualTo(last.GetValueOrDefault(pod)), pod);
            last = now;
            seen.UnionWith(now.Keys);
        }

        Assert.That(seen, Has.Count.GreaterThan(40), "pods did come and go");
        _pods = [];
        Assert.That((await MetricsPage.Of(_metrics)).Text, Does.Not.Contain("pod=\""));
    }

    [Test]
    public async Task Nothing_of_a_pod_is_kept_after_it()
    {
        WeakReference[] names = await ShowAsync();
        _pods = [new("a", "other", "u", 1, 100, 0)];
        await MetricsPage.Of(_metrics);
        GC.Collect();
        Assert.That(names.Count(name => name.IsAlive), Is.Zero);

        [MethodImpl(MethodImplOptions.NoInlining)]
        async Task<WeakReference[]> ShowAsync()
        {
            _pods = [.. Enumerable.Range(0, 110).Select(i => new PodTraffic("a", $"pod-{i}", $"u{i}", 1, 100, 0))];
            Assert.That((await MetricsPage.Of(_metrics)).Of(Frames), Has.Count.EqualTo(110));
            return [.. _pods.Select(pod => new WeakReference(pod.Pod))];
        }
    }

    /// <summary>With each page pods come, live for some rounds, and go; all have 100 bytes a frame.</summary>
    private void Churn(CancellationToken ended)
    {
        for (int round = 0; !ended.IsCancellationRequested; round++)
        {
            _pods =
            [
                .. _pods.Where((_, i) => i > 0 || _pods.Length < 30)
                    .Select(pod => pod with { Frames = pod.Frames + 7, Bytes = pod.Bytes + 700 }),
                new PodTraffic("a", $"pod-{round}", $"u{round}", 0, 0, 0),
            ];
            long page = Volatile.Read(ref _pages);
            while (Volatile.Read(ref _pages) == page && !ended.IsCancellationRequested) Thread.Yield();
        }
    }

    private static string Series(string pod) => $"{Frames}{{namespace=\"a\",pod=\"{pod}\"}}";
}
