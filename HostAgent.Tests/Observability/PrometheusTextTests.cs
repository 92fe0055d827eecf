using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using HostAgent.Observability;

namespace HostAgent.Tests.Observability;

public sealed class PrometheusTextTests
{
    private List<PodTraffic> _pods = [new("a", "p", "u1", 10, 1000, 1)];
    private List<WatchCounters> _watches = [];

    [Test]
    public void Every_metric_is_there_and_promtool_has_nothing_to_say()
    {
        _watches = [new WatchCounters("pods", 7, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500),
            System.Collections.Immutable.ImmutableSortedDictionary<string, long>.Empty.Add("expired", 2).Add("timeout", 5))];
        string text = Scrape();
        Assert.That(text.Split('\n'), Is.SupersetOf(new[]
        {
            "# TYPE hostagent_frames_seen_total counter",
            "hostagent_frames_seen_total 100",
            "hostagent_frames_delivered_total 90",
            "hostagent_frames_in_flight 3",
            "hostagent_frames_fragmented_total 3",
            "hostagent_bytes_delivered_total 9000",
            "hostagent_segments_sent_total 120",
            "hostagent_frames_lost_total{reason=\"kernel_ring\"} 4",
            "hostagent_frames_lost_total{reason=\"duplicate\"} 0",
            "hostagent_pod_frames_total{namespace=\"a\",pod=\"p\"} 10",
            "hostagent_pod_bytes_total{namespace=\"a\",pod=\"p\"} 1000",
            "hostagent_pod_frames_lost_total{namespace=\"a\",pod=\"p\"} 1",
            "hostagent_pods{state=\"captured\"} 1",
            "hostagent_pods{state=\"pending\"} 1",
            "hostagent_pods{state=\"unsupported\"} 1",
            "hostagent_pods{state=\"not-selected\"} 1",
            "hostagent_sensor_up 1",
            "hostagent_warnings 1",
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
        Assert.That(text, Does.Match("\nhostagent_build_info{version=\"[0-9.]+\",revision=\"([0-9a-f]{7,40}|unknown)\",runtime=\"10[0-9.]+\"} 1\n"));
        Assert.That($"{BuildInfo.Release}+{BuildInfo.Revision}", Is.EqualTo(BuildInfo.Version).Or.EqualTo($"{BuildInfo.Version}+unknown"));
        Assert.That(text, Does.Contain("\nprocess_cpu_seconds_total ").And.Contain("\nprocess_resident_memory_bytes "));
        Assert.That(text, Does.Match("(?m)^process_open_fds [1-9]"));
        Assert.That(Promtool(text), Is.EqualTo((0, "")));
    }

    [Test]
    public void Promtool_does_judge()
    {
        (int code, string said) = Promtool("bad_metric{ 1\n");
        Assert.That(code, Is.Not.Zero);
        Assert.That(said, Is.Not.Empty);
    }

    [Test]
    public void The_series_of_a_pod_end_with_it()
    {
        using var metrics = new AgentMetrics(Sources());
        using var exporter = new PrometheusText(metrics);
        Assert.That(Text(exporter), Does.Contain("pod=\"p\""));
        _pods = [new("a", "next", "u2", 1, 1, 0)];
        Assert.That(Text(exporter), Does.Not.Contain("pod=\"p\"").And.Contain("hostagent_pod_frames_total{namespace=\"a\",pod=\"next\"} 1\n"));
        _pods = [];
        Assert.That(Text(exporter), Does.Not.Contain("hostagent_pod_frames_total"));
    }

    [Test]
    public void Two_pods_of_one_name_are_one_series()
    {
        _pods = [new("a", "db-0", "old", 10, 1000, 1), new("a", "db-0", "new", 2, 200, 0)];
        string text = Scrape();
        Assert.That(text, Does.Contain("hostagent_pod_frames_total{namespace=\"a\",pod=\"db-0\"} 12\n"));
        Assert.That(Promtool(text), Is.EqualTo((0, "")));
    }

    [Test]
    public void Labels_help_and_numbers_are_escaped()
    {
        using var meter = new Meter("escape");
        meter.CreateObservableGauge("g", () => new Measurement<double>(double.PositiveInfinity, new KeyValuePair<string, object?>("l", "a\\b\"c\nd é 🐟")), description: "x\\y\nz");
        meter.CreateObservableGauge("h", () => new Measurement<double>(1.5e-7), description: "small");
        meter.CreateObservableGauge("silent", () => Array.Empty<Measurement<long>>(), description: "has no measurement");
        using var exporter = new PrometheusText(meter, [], () => { });
        string text = Text(exporter);
        Assert.That(text, Is.EqualTo(
            "# HELP g x\\\\y\\nz\n# TYPE g gauge\ng{l=\"a\\\\b\\\"c\\nd é 🐟\"} +Inf\n# HELP h small\n# TYPE h gauge\nh 1.5E-07\n"));
        Assert.That(Promtool(text).Code, Is.Zero);
    }

    [Test]
    public void One_scrape_shows_one_snapshot_of_the_ledger()
    {
        long reads = 0;
        using var metrics = new AgentMetrics(Sources() with { Ledger = () => Example.Ledger with { Seen = 100 + ++reads } });
        using var exporter = new PrometheusText(metrics);
        Assert.That(Text(exporter), Does.Contain("hostagent_frames_seen_total 101\n").And.Contain("hostagent_frames_in_flight 4\n"));
        Assert.That(Text(exporter), Does.Contain("hostagent_frames_seen_total 102\n").And.Contain("hostagent_frames_in_flight 5\n"));
    }

    private string Scrape()
    {
        using var metrics = new AgentMetrics(Sources());
        using var exporter = new PrometheusText(metrics);
        return Text(exporter);
    }

    private MetricSources Sources() => new()
    {
        Ledger = () => Example.Ledger,
        Status = () => Example.Status,
        Pods = () => _pods,
        FrameAge = () => new HistogramSnapshot([0.001, 0.01], [5, 3, 1], 0.25),
        PolicyReloadSuccessful = () => false,
        Watches = () => _watches,
    };

    private static string Text(PrometheusText exporter)
    {
        var buffer = new ArrayBufferWriter<byte>();
        exporter.Write(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static (int Code, string Said) Promtool(string text)
    {
        using Process promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = promtool.StandardError.ReadToEndAsync();
        using (Stream input = promtool.StandardInput.BaseStream) input.Write(Encoding.UTF8.GetBytes(text));
        string output = promtool.StandardOutput.ReadToEnd();
        promtool.WaitForExit();
        return (promtool.ExitCode, output + error.Result);
    }
}
