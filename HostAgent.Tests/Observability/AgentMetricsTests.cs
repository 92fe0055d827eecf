using System.Collections.Immutable;
using System.Text;
using HostAgent.Accounts;
using HostAgent.Observability;
using Prometheus;

namespace HostAgent.Tests.Observability;

public sealed class AgentMetricsTests
{
    private static readonly WatchCounters PodsWatch = new("pods", 7, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500),
        ImmutableSortedDictionary<string, long>.Empty.Add("expired", 2).Add("timeout", 5));

    private ImmutableArray<PodTraffic> _pods;
    private ImmutableArray<WatchCounters> _watches;
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;
    private AgentMetrics _metrics = null!;

    [SetUp]
    public void Begin()
    {
        _pods = [new("a", "p", "u1", 10, 1000, 1)];
        _watches = [PodsWatch];
        _ledger = Example.Ledger;
        _metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => _ledger,
            Status = () => Example.Status,
            Pods = () => _pods,
            FrameAge = () => new HistogramSnapshot([0.001, 0.01], [5, 3, 1], 0.25),
            PolicyReloadSuccessful = () => false,
            Watches = () => _watches,
            ScopeChanges = change => (long)change,
            Governor = () => Example.Governor,
        });
    }

    [TearDown]
    public void End() => _metrics.Dispose();

    [Test]
    public async Task Every_metric_is_there_and_promtool_has_nothing_to_say()
    {
        string text = await TextAsync();
        Assert.That(text.Split('\n'), Is.SupersetOf(new[]
        {
            "# TYPE hostagent_frames_seen_total counter",
            "hostagent_frames_seen_total 100",
            "hostagent_frames_delivered_total 90",
            "hostagent_frames_in_flight 3",
            "hostagent_frames_fragmented_total 3",
            "hostagent_bytes_delivered_total 9000",
            "hostagent_segments_sent_total 120",
            "hostagent_segments_merged_total 70",
            "hostagent_frames_unseen_estimate_total 630",
            "hostagent_slice_evictions_total 5",
            "hostagent_frames_lost_total{reason=\"kernel_ring\"} 4",
            "hostagent_frames_lost_total{reason=\"duplicate\"} 0",
            "hostagent_pod_frames_total{namespace=\"a\",pod=\"p\"} 10",
            "hostagent_pod_bytes_total{namespace=\"a\",pod=\"p\"} 1000",
            "hostagent_pod_frames_lost_total{namespace=\"a\",pod=\"p\"} 1",
            "hostagent_pods{state=\"captured\"} 1",
            "hostagent_pods{state=\"pending\"} 1",
            "hostagent_pods{state=\"unsupported\"} 1",
            "hostagent_pods{state=\"not-selected\"} 1",
            "hostagent_scope_changes_total{change=\"added\"} 0",
            "hostagent_scope_changes_total{change=\"removed\"} 1",
            "hostagent_scope_changes_total{change=\"changed\"} 2",
            "hostagent_sensor_up 1",
            "hostagent_warnings 1",
            "hostagent_governor_level 2",
            "hostagent_governor_budget_cores 0.5",
            "hostagent_governor_steps_total{direction=\"down\"} 5",
            "hostagent_governor_steps_total{direction=\"up\"} 3",
            "hostagent_notes 1",
            "hostagent_policy_last_reload_successful 0",
            "hostagent_watch_restarts_total{resource=\"pods\",reason=\"expired\"} 2",
            "hostagent_watch_last_event_timestamp_seconds{resource=\"pods\"} 1700000000.5",
            "hostagent_watch_objects{resource=\"pods\"} 7",
            "# TYPE hostagent_frame_age_seconds histogram",
            "hostagent_frame_age_seconds_bucket{le=\"0.001\"} 5",
            "hostagent_frame_age_seconds_bucket{le=\"0.01\"} 8",
            "hostagent_frame_age_seconds_bucket{le=\"+Inf\"} 9",
            "hostagent_frame_age_seconds_sum 0.25",
            "hostagent_frame_age_seconds_count 9",
        }));
        Assert.That(text,
            Does.Match("\nhostagent_build_info{version=\"[0-9.]+\",revision=\"([0-9a-f]{7,40}|unknown)\",runtime=\"10[0-9.]+\"} 1\n"));
        Assert.That($"{BuildInfo.Release}+{BuildInfo.Revision}", Is.EqualTo(BuildInfo.Version).Or.EqualTo($"{BuildInfo.Version}+unknown"));
        Assert.That(text, Does.Contain("\nprocess_cpu_seconds_total ").And.Contain("\nprocess_resident_memory_bytes "));
        Assert.That(text, Does.Match("(?m)^process_open_fds [1-9]"));
        Assert.That(Promtool.CheckMetrics(text), Is.EqualTo((0, "")));
    }

    [Test]
    public void Promtool_does_judge()
    {
        (int? code, string said) = Promtool.CheckMetrics("bad_metric{ 1\n");
        Assert.That(code, Is.Not.Zero);
        Assert.That(said, Is.Not.Empty);
    }

    [Test]
    public async Task OpenMetrics_has_the_same_series_with_the_same_values()
    {
        MetricsPage text = await MetricsPage.Of(_metrics), open = await MetricsPage.Of(_metrics, ExpositionFormat.OpenMetricsText);
        Assert.That(open.Text, Does.EndWith("\n# EOF\n"));
        Assert.That(open.Text, Does.Contain("# TYPE hostagent_frames_seen counter\nhostagent_frames_seen_total 100.0\n"));
        Assert.That(Stable(open), Is.EqualTo(Stable(text)));
        static string[] Stable(MetricsPage page) =>
            [.. page.Text.Split('\n').Where(line => line.StartsWith("hostagent_", StringComparison.Ordinal))
                .Select(line => line.Split(' ')[0]).Select(series => $"{series} {page[series]}")];
    }

    // prometheus-net writes help texts as they are; OpenMetrics wants these three escaped.
    [Test]
    public async Task No_help_text_has_to_be_escaped_and_nothing_on_the_page_is_not_the_agents()
    {
        string[] lines = (await TextAsync()).Split('\n');
        Assert.That(lines.Where(line => line.StartsWith("# HELP ", StringComparison.Ordinal)),
            Has.All.Matches("^# HELP [a-z_]+ [A-Z1][^\\\\\"]+\\.$").And.Exactly(40).Items);
        Assert.That(lines.Where(line => line is not ""), Has.All.Matches("^(# (HELP|TYPE) )?(hostagent|process)_"));
    }

    [Test]
    public async Task Labels_are_escaped()
    {
        _pods = [new("a\\b\"c\nd é 🐟", "p", "u", 1, 2, 3)];
        string text = await TextAsync();
        Assert.That(text, Does.Contain("\nhostagent_pod_bytes_total{namespace=\"a\\\\b\\\"c\\nd é 🐟\",pod=\"p\"} 2\n"));
        Assert.That(Promtool.CheckMetrics(text), Is.EqualTo((0, "")));
    }

    [Test]
    public async Task One_page_shows_one_snapshot_of_the_ledger()
    {
        _ledger = Example.Ledger with { Seen = 101 };
        Assert.That(await TextAsync(), Does.Contain("hostagent_frames_seen_total 101\n").And.Contain("hostagent_frames_in_flight 4\n"));
        _ledger = Example.Ledger with { Seen = 102 };
        Assert.That(await TextAsync(), Does.Contain("hostagent_frames_seen_total 102\n").And.Contain("hostagent_frames_in_flight 5\n"));
    }

    [Test]
    public async Task Without_an_API_server_there_are_no_series_of_watches()
    {
        _watches = [];
        string text = await TextAsync();
        Assert.That(text, Does.Not.Match("(?m)^hostagent_watch_"));
        Assert.That(Promtool.CheckMetrics(text), Is.EqualTo((0, "")));
    }

    [Test]
    public async Task A_certificate_that_is_used_no_more_has_no_series()
    {
        DateTimeOffset? ends = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        using var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => _ledger,
            Status = () => Example.Status,
            Pods = () => _pods,
            FrameAge = () => new HistogramSnapshot([0.001], [5, 3], 0.25),
            PolicyReloadSuccessful = () => true,
            Certificates = () => [("serving", null), ("sensor", ends)],
        });
        Assert.That((await MetricsPage.Of(metrics)).Of("hostagent_certificate_expiry_timestamp_seconds"), Is.EquivalentTo(
            new Dictionary<string, double> { ["hostagent_certificate_expiry_timestamp_seconds{use=\"sensor\"}"] = 1_800_000_000 }));
        ends = null;
        Assert.That((await MetricsPage.Of(metrics)).Of("hostagent_certificate_expiry_timestamp_seconds"), Is.Empty);
    }

    private async Task<string> TextAsync() => (await MetricsPage.Of(_metrics)).Text;
}
