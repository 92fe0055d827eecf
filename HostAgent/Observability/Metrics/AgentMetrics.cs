using System.Buffers;
using System.Diagnostics;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Sensors;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>
/// What /metrics shows. Nothing is counted here: every number is read from where it is counted when somebody asks. Names are a contract
/// with dashboards and alerts. The registry is the agent's own, so that nothing comes onto the page that docs/metrics.md does not name.
/// </summary>
public sealed class AgentMetrics : IDisposable
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly MetricFactory _factory;
    private readonly MetricSources _sources;
    private readonly PodMetrics _pods;
    private readonly List<Action> _updates = [];
    private readonly SemaphoreSlim _turn = new(1);
    private readonly MemoryStream _page = new();
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;
    private AgentStatus? _status;
    private GovernorStatus _governor = new(Budget: null);

    public AgentMetrics(MetricSources sources)
    {
        _sources = sources;
        _factory = Metrics.WithCustomRegistry(_registry);
        // By default an observation takes along the trace of whoever makes it; here that is the scrape.
        _factory.ExemplarBehavior = ExemplarBehavior.NoExemplars();
        _pods = new PodMetrics(_factory);
        AddLedger();
        AddState();
        AddGovernor();
        AddWatches();
        AddCertificates();
        AddProcess();
    }

    /// <summary>
    /// Reads every source once and writes the page, whole or (when a source throws) not at all. Safe on any thread: pages are made one
    /// after the other, each in memory, so that none shows numbers of two moments and no slow reader holds up another.
    /// </summary>
    public async Task WriteAsync(IBufferWriter<byte> output, ExpositionFormat format)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            _ledger = _sources.Ledger();
            _status = _sources.Status();
            _governor = _sources.Governor();
            _pods.Update(_sources.Pods());
            foreach (Action update in _updates) update();
            _page.SetLength(0);
            await _registry.CollectAndExportAsTextAsync(_page, format).ConfigureAwait(false);
            // In one piece: Kestrel's writer may offer an empty span to who does not say how much is to come.
            int length = (int)_page.Length;
            _page.GetBuffer().AsSpan(0, length).CopyTo(output.GetSpan(length));
            output.Advance(length);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _page.Dispose();
    }

    private void AddLedger()
    {
        Counter("hostagent_frames_seen_total",
            "Frames that the kernel captured on the links of pods in scope, those lost in the ring included. "
            + "Equals delivered + in flight + lost.",
            () => _ledger.Seen);
        Counter("hostagent_frames_delivered_total", "Frames that were sent to the sensor whole.", () => _ledger.Delivered);
        Counter("hostagent_bytes_delivered_total",
            "Bytes of the delivered frames as captured, without the tunnel's headers.", () => _ledger.BytesDelivered);
        Counter("hostagent_segments_sent_total",
            "VXLAN datagrams sent: one for an ordinary frame, several for an offload super-frame.", () => _ledger.Segments);
        Counter("hostagent_segments_merged_total",
            "Segments of delivered super-frames that left with others in one datagram, since the policy allows it (sensor.segments). "
            + "0 with segments: wire.",
            () => _ledger.Merged);
        Counter("hostagent_frames_unknown_offload_total",
            "Those of the frames lost as kernel_ring that the kernel cannot hand over: "
            + "super-frames of SCTP, and before Linux 6.2 super-datagrams of UDP.",
            () => _ledger.UnknownOffload);
        Counter("hostagent_frames_fragmented_total",
            "Delivered frames that did not fit the sensor's link and left as IP fragments, "
            + "which a sniffing sensor may not reassemble. Mend: a larger MTU on the sensor's link.",
            () => _ledger.Fragmented);
        Counter("hostagent_frames_unseen_estimate_total",
            "About how many frames the kernel kept nothing of, since the policy wants no more of their flows (slice, rate). "
            + "Beside the ledger: they are not among the frames seen.",
            () => _ledger.UnseenEstimate);
        Counter("hostagent_slice_evictions_total",
            "Running flows that made room for others in the tables that count them (slice, rate). "
            + "Each began anew with its next frame, so that more of it was delivered.",
            () => _ledger.SliceEvictions);
        Counter("hostagent_sensor_refused_total",
            "ICMP answers that nobody listens at the sensor's port (sensors that read a socket). Not rising: somebody listens.",
            () => _ledger.Unreachable);
        Counter("hostagent_sensor_link_dropped_total",
            "Datagrams that the host's end of a sensor's link dropped after they were sent: "
            + "the CPU's receive queue (net.core.netdev_max_backlog) was full.",
            () => _sources.DroppedAtSensorLink());
        Counter("hostagent_sensor_socket_dropped_total",
            "Datagrams for which a sensor's socket had no room (reads: socket; "
            + "a sensor on the host network, or in a pod that the netns lookup may look into).",
            () => _sources.DroppedAtSensorSocket());
        Counter("hostagent_canaries_sent_total",
            "Marked frames of the agent's own that the kernel took for a sensor (sensor.canary). Beside the ledger: they are no pod's.",
            () => _sources.CanariesSent());
        Gauge("hostagent_frames_in_flight",
            "Frames captured and neither delivered nor lost yet; returns to 0 when traffic ceases.", () => _ledger.InFlight);
        Counter lost = _factory.CreateCounter(
            "hostagent_frames_lost_total", "Frames captured that did not reach the sensor, by the one reason for each.", "reason");
        foreach (LossReason reason in Enum.GetValues<LossReason>())
        {
            Counter.Child series = lost.WithLabels(reason.Name());
            _updates.Add(() => series.IncTo(_ledger.Lost(reason)));
        }

        var age = new CountedHistogram(_factory,
            "hostagent_frame_age_seconds", "Time from a frame's arrival in the capture ring until it was sent to the sensor.",
            _sources.FrameAge().UpperBounds);
        _updates.Add(() => age.Update(_sources.FrameAge()));
    }

    private void AddState()
    {
        Gauge pods = _factory.CreateGauge("hostagent_pods",
            "Pods of this node by state. pending and unsupported ones are in scope and not captured; "
            + "/status and the check command say why.",
            "state");
        foreach (PodState state in Enum.GetValues<PodState>())
        {
            Gauge.Child series = pods.WithLabels(state.Name());
            _updates.Add(() => series.Set(_status!.Pods.Count(pod => pod.State == state)));
        }

        Counter changes = _factory.CreateCounter("hostagent_scope_changes_total",
            "How often a pod began or ceased to be captured, or was captured by another rule, in another VNI, from other links or for "
            + "another sensor; the audit lines of the log say which and why.",
            "change");
        foreach (ScopeChange change in Enum.GetValues<ScopeChange>())
        {
            Counter.Child series = changes.WithLabels(change.Name());
            _updates.Add(() => series.IncTo(_sources.ScopeChanges(change)));
        }

        Gauge("hostagent_one_way_links",
            "Captured links on which only frames from the pod are seen although its connections are answered; /status names them.",
            () => _status!.Pods.Sum(pod => pod.Links.Count(link => link.OneWay)));
        Gauge("hostagent_silent_pods",
            "Captured pods of which the sensor gets nothing, or one direction only, though their links carry frames; /status names them.",
            () => _sources.SilentPods());
        Gauge("hostagent_sensor_up",
            "1 while there is a sensor on this host to send to.", () => _status!.Sensor.State == SensorState.Ready ? 1 : 0);
        Gauge("hostagent_warnings",
            "Conditions that want an operator's hand; /status names them, each with its mend.", () => _status!.Warnings.Length);
        Gauge("hostagent_notes",
            "What is good to know of and may stay as it is; /status and the check command name it.", () => _status!.Notes.Length);
        Gauge("hostagent_policy_last_reload_successful",
            "1 if the policy file as it is on disk is in force, 0 if it is wrong and the one before stays in force.",
            () => _sources.PolicyReloadSuccessful() ? 1 : 0);
    }

    private void AddGovernor()
    {
        Gauge("hostagent_governor_level",
            "What the governor leaves of the mirrored traffic, for the sake of the CPU budget and the node: 0 is all that the policy says; "
            + string.Join(", ", GovernorLevels.All.Skip(1).Select(level => $"{(int)level} {level.Name()}")) + ".",
            () => (int)_governor.Level);
        Gauge("hostagent_governor_budget_cores",
            "How much CPU the agent may use before the governor steps down, in cores; 0 when neither policy nor cgroup says.",
            () => _governor.Budget?.Budget.Cores ?? 0);
        Counter steps = _factory.CreateCounter("hostagent_governor_steps_total", "Steps of the governor, by direction.", "direction");
        Counter.Child down = steps.WithLabels("down"), up = steps.WithLabels("up");
        _updates.Add(() =>
        {
            down.IncTo(_governor.StepsDown);
            up.IncTo(_governor.StepsUp);
        });
    }

    private void AddWatches()
    {
        Counter restarts = _factory.CreateCounter(
            "hostagent_watch_restarts_total", "How often the watch of the API server was started again, by reason.", "resource", "reason");
        Gauge heard = _factory.CreateGauge("hostagent_watch_last_event_timestamp_seconds",
            "Unix time of the API server's last sign of life (event, bookmark or list). "
            + "time() minus this is the age of what the agent knows.",
            "resource");
        Gauge objects = _factory.CreateGauge("hostagent_watch_objects", "Objects that the agent knows from the API server.", "resource");
        _updates.Add(() =>
        {
            foreach (WatchCounters watch in _sources.Watches())
            {
                foreach ((string reason, long count) in watch.Restarts) restarts.WithLabels([watch.Resource, reason]).IncTo(count);
                if (watch.LastEvent is { } last) heard.WithLabels([watch.Resource]).Set(UnixSeconds(last));
                objects.WithLabels([watch.Resource]).Set(watch.Objects);
            }
        });
    }

    private void AddCertificates()
    {
        Gauge ends = _factory.CreateGauge("hostagent_certificate_expiry_timestamp_seconds",
            "Unix time at which a certificate in use ends: that of this page (serving) or of streams to another host (sensor). "
            + "Only where there is one.",
            "use");
        _updates.Add(() =>
        {
            foreach ((string use, DateTimeOffset? end) in _sources.Certificates())
            {
                if (end is { } known) ends.WithLabels([use]).Set(UnixSeconds(known));
                else ends.RemoveLabelled(use);
            }
        });
    }

    /// <summary>
    /// Which build runs, and what Prometheus client libraries say about their process, under the names that dashboards expect.
    /// </summary>
    private void AddProcess()
    {
        _factory.CreateGauge("hostagent_build_info", "Always 1; the labels say which build runs.", "version", "revision", "runtime")
            .WithLabels(BuildInfo.Release, BuildInfo.Revision, BuildInfo.Runtime).Set(1);
        Counter("process_cpu_seconds_total",
            "User and system CPU time of the agent in seconds.", () => Environment.CpuUsage.TotalTime.TotalSeconds);
        Gauge("process_resident_memory_bytes",
            "Resident memory of the agent in bytes, the capture ring included.", () => Environment.WorkingSet);
        // Counting opens one more.
        Gauge("process_open_fds",
            "Open file descriptors of the agent.", () => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count() - 1);
        using var self = Process.GetCurrentProcess();
        _factory.CreateGauge("process_start_time_seconds", "Unix time at which the agent started.").Set(UnixSeconds(self.StartTime));
    }

    private void Counter(string name, string help, Func<double> read)
    {
        Counter counter = _factory.CreateCounter(name, help);
        _updates.Add(() => counter.IncTo(read()));
    }

    private void Gauge(string name, string help, Func<double> read)
    {
        Gauge gauge = _factory.CreateGauge(name, help);
        _updates.Add(() => gauge.Set(read()));
    }

    private static double UnixSeconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds() / 1000.0;
}
