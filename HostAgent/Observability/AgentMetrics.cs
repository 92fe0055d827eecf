using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using HostAgent.Links;
using HostAgent.Tunnel;

namespace HostAgent.Observability;

/// <summary>
/// The agent's instruments, all observable: nothing is counted here, every number is read from where it is counted when somebody asks.
/// Names are Prometheus names; they are a contract with dashboards and alerts.
/// </summary>
public sealed class AgentMetrics : IDisposable
{
    private readonly MetricSources _sources;
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;
    private AgentStatus? _status;
    private ImmutableArray<PodTraffic> _pods = [];
    private IReadOnlyCollection<WatchCounters> _watches = [];

    public AgentMetrics(MetricSources sources)
    {
        _sources = sources;
        Meter = new Meter("HostAgent", BuildInfo.Version);
        Histograms =
        [
            new("hostagent_frame_age_seconds", "Time from a frame's arrival in the capture ring until it was sent to the sensor.", sources.FrameAge),
        ];
        AddLedger();
        AddPods();
        AddState();
        AddWatches();
        ProcessMetrics.AddTo(Meter);
    }

    public Meter Meter { get; }

    public ImmutableArray<HistogramSource> Histograms { get; }

    /// <summary>Takes one snapshot of every source. An exporter calls it before it collects, so that the numbers of one scrape belong together.</summary>
    public void Refresh()
    {
        _ledger = _sources.Ledger();
        _status = _sources.Status();
        _pods = Merge(_sources.Pods());
        _watches = _sources.Watches();
    }

    public void Dispose() => Meter.Dispose();

    private void AddLedger()
    {
        Counter("hostagent_frames_seen_total",
            "Frames that the kernel captured on the links of pods in scope, those lost in the ring included. Equals delivered + in flight + lost.", () => _ledger.Seen);
        Counter("hostagent_frames_delivered_total", "Frames that were sent to the sensor whole.", () => _ledger.Delivered);
        Counter("hostagent_bytes_delivered_total", "Bytes of the delivered frames as captured, without the tunnel's headers.", () => _ledger.BytesDelivered);
        Counter("hostagent_segments_sent_total", "VXLAN datagrams sent: one for an ordinary frame, several for an offload super-frame.", () => _ledger.Segments);
        Counter("hostagent_frames_unknown_offload_total",
            "Those of the frames lost as kernel_ring that the kernel cannot hand over: super-frames of SCTP, and before Linux 6.2 super-datagrams of UDP.",
            () => _ledger.UnknownOffload);
        Counter("hostagent_frames_fragmented_total",
            "Delivered frames that did not fit the sensor's link and left as IP fragments, which a sniffing sensor may not reassemble. Mend: a larger MTU on the sensor's link.",
            () => _ledger.Fragmented);
        Counter("hostagent_sensor_refused_total",
            "ICMP answers that nobody listens at the sensor's port (sensors that read a socket). Not rising: somebody listens.", () => _ledger.Refused);
        Counter("hostagent_sensor_link_dropped_total",
            "Datagrams that the host's end of a sensor's link dropped after they were sent: the CPU's receive queue (net.core.netdev_max_backlog) was full.",
            _sources.DroppedAtSensorLink);
        Counter("hostagent_sensor_socket_dropped_total",
            "Datagrams for which a sensor's socket had no room (reads: socket; a sensor on the host network, or in a pod that the netns lookup may look into).",
            _sources.DroppedAtSensorSocket);
        Gauge("hostagent_frames_in_flight", "Frames captured and neither delivered nor lost yet; returns to 0 when traffic ceases.", () => _ledger.InFlight);
        Meter.CreateObservableCounter("hostagent_frames_lost_total",
            () => Enum.GetValues<LossReason>().Select(reason => new Measurement<long>(_ledger.Lost(reason), Tag("reason", reason.Name()))),
            description: "Frames captured that did not reach the sensor, by the one reason for each.");
    }

    private void AddPods()
    {
        PodCounter("hostagent_pod_frames_total", "Frames captured on the pod's links since it came into scope.", pod => pod.Frames);
        PodCounter("hostagent_pod_bytes_total", "Bytes of the frames captured on the pod's links since it came into scope.", pod => pod.Bytes);
        PodCounter("hostagent_pod_frames_lost_total",
            "Frames captured on the pod's links that did not reach the sensor; without those lost in the ring, which are not known per pod.", pod => pod.Lost);
        Meter.CreateObservableGauge("hostagent_pods",
            () => Enum.GetValues<PodState>().Select(state => new Measurement<long>(
                _status?.Pods.Count(pod => pod.State == state) ?? 0, Tag("state", StatusNames.Name(state)))),
            description: "Pods of this node by state. pending and unsupported ones are in scope and not captured; /status and the check command say why.");
        Gauge("hostagent_one_way_links",
            "Captured links on which only frames from the pod are seen although its connections are answered; /status names them.",
            () => _status?.Pods.Sum(pod => pod.Links.Count(link => link.OneWay)) ?? 0);
    }

    private void AddState()
    {
        Gauge("hostagent_sensor_up", "1 while there is a sensor on this host to send to.", () => _status?.Sensor.State == SensorState.Ready ? 1 : 0);
        Gauge("hostagent_warnings", "Conditions that want an operator's hand; /status names them, each with its mend.", () => _status?.Warnings.Length ?? 0);
        Gauge("hostagent_notes", "What is good to know of and may stay as it is; /status and the check command name it.", () => _status?.Notes.Length ?? 0);
        Gauge("hostagent_policy_last_reload_successful",
            "1 if the policy file as it is on disk is in force, 0 if it is wrong and the one before stays in force.", () => _sources.PolicyReloadSuccessful() ? 1 : 0);
        Meter.CreateObservableGauge("hostagent_build_info",
            () => new Measurement<long>(1, Tag("version", BuildInfo.Release), Tag("revision", BuildInfo.Revision), Tag("runtime", BuildInfo.Runtime)),
            description: "Always 1; the labels say which build runs.");
    }

    private void AddWatches()
    {
        Meter.CreateObservableCounter("hostagent_watch_restarts_total",
            () => _watches.SelectMany(watch => watch.Restarts.Select(restart =>
                new Measurement<long>(restart.Value, Tag("resource", watch.Resource), Tag("reason", restart.Key)))),
            description: "How often the watch of the API server was started again, by reason.");
        Meter.CreateObservableGauge("hostagent_watch_last_event_timestamp_seconds",
            () => _watches.Where(watch => watch.LastEvent is not null).Select(watch =>
                new Measurement<double>(watch.LastEvent!.Value.ToUnixTimeMilliseconds() / 1000.0, Tag("resource", watch.Resource))),
            description: "Unix time of the API server's last sign of life (event, bookmark or list). time() minus this is the age of what the agent knows.");
        Meter.CreateObservableGauge("hostagent_watch_objects",
            () => _watches.Select(watch => new Measurement<long>(watch.Objects, Tag("resource", watch.Resource))),
            description: "Objects that the agent knows from the API server.");
    }

    private void Counter(string name, string help, Func<long> read) => Meter.CreateObservableCounter(name, read, description: help);

    private void Gauge(string name, string help, Func<long> read) => Meter.CreateObservableGauge(name, read, description: help);

    private void PodCounter(string name, string help, Func<PodTraffic, long> read) =>
        Meter.CreateObservableCounter(name,
            () => _pods.Select(pod => new Measurement<long>(read(pod), Tag("namespace", pod.Namespace), Tag("pod", pod.Pod))), description: help);

    // A pod and its successor of the same name (a StatefulSet's) may both be there for a moment; a series must be there once.
    private static ImmutableArray<PodTraffic> Merge(IReadOnlyCollection<PodTraffic> pods) =>
    [
        .. pods.GroupBy(pod => (pod.Namespace, pod.Pod)).Select(same => same.Aggregate((a, b) =>
            b with { Frames = a.Frames + b.Frames, Bytes = a.Bytes + b.Bytes, Lost = a.Lost + b.Lost })),
    ];

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
