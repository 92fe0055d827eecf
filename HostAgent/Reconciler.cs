using System.Collections.Immutable;
using System.Threading.Channels;
using HostAgent.Cluster;
using HostAgent.Configuration;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Pipeline;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging;

namespace HostAgent;

/// <summary>
/// Brings the mirror in line with policy, cluster and links whenever one of them changes. Each round starts from all that is known, not
/// from the change, so a missed or doubled notification does no harm; every few seconds there is a round without any.
/// </summary>
internal sealed class Reconciler(
    AgentOptions options, PolicyFile policy, ClusterSource cluster, LinkMonitor links, LinkLookups lookups, Mirror mirror, SensorDrops drops, LossWatch losses,
    NodeLock nodeLock, ILogger<Reconciler> logger)
{
    private static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(5);

    private readonly Survey _survey = new(lookups);
    private readonly OneWayDetector _oneWay = new();
    private readonly StatusLog _log = new(logger);
    private readonly FaultLog _faults = new(logger, "A round of matching");
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile bool _mirrors;
    private volatile AgentStatus _status = new(options.NodeName, policy.Current.Revision, new SensorStatus(SensorState.Missing, policy.Current.Sensor.Reads, [], "starting"), [], []);

    /// <summary>Whose warnings are shown, too, once there is one.</summary>
    public HttpEndpoint? Endpoint { get; set; }

    /// <summary>The outcome of the last round.</summary>
    public AgentStatus Status => _status;

    /// <summary>
    /// From now on what a round finds is carried out. Until then it is found all the same, so that the lookups know what they need some time for when it is this
    /// agent's turn.
    /// </summary>
    public void Begin()
    {
        _mirrors = true;
        Notify();
    }

    /// <summary>Runs until cancelled.</summary>
    /// <param name="beat">Called in each round.</param>
    /// <param name="matched">Called after each round that knew all pods and namespaces, and mirrored.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(Action beat, Action matched, CancellationToken cancellation)
    {
        policy.Changed += Notify;
        cluster.Changed += Notify;
        links.Changed += Notify;
        lookups.Changed += Notify;
        TimeSpan wait = TimeSpan.Zero;
        while (!cancellation.IsCancellationRequested)
        {
            await WaitAsync(wait, cancellation);
            beat();
            try
            {
                bool mirrors = _mirrors;
                wait = Round(mirrors);
                if (mirrors && cluster.Synced) matched();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // What is captured goes on being captured; the next round tries again.
                _faults.Log(e);
                wait = TimeSpan.FromSeconds(1);
            }
        }
    }

    private void Notify() => _news.Writer.TryWrite(true);

    private async Task WaitAsync(TimeSpan limit, CancellationToken cancellation)
    {
        if (limit == TimeSpan.Zero) return;
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timer.CancelAfter(limit);
        try
        {
            await _news.Reader.ReadAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            // The safety net's turn, or the end.
        }
    }

    private TimeSpan Round(bool mirrors)
    {
        MirrorPolicy current = policy.Current;
        (SensorStatus sensor, Coverage coverage) = cluster.Synced
            ? _survey.Take(current, cluster.Pods, cluster.Namespaces, links.Current)
            : (_status.Sensor with { Reason = "pods and namespaces are not known yet" }, Coverage.Empty);
        TimeSpan next = coverage.RecheckAfter is { } recheck && recheck < SafetyNet ? recheck : SafetyNet;
        if (!mirrors) return next;
        drops.Look(sensor);
        sensor = mirror.Apply(coverage.Pods, sensor, current.Sensor);
        coverage = _oneWay.Mark(coverage, mirror.Directions);
        AgentStatus before = _status;
        _status = new AgentStatus(options.NodeName, current.Revision, sensor, coverage.Pods, Warnings(coverage)) { Notes = [.. coverage.Notes, .. Notes], Filter = options.Filter?.Expression };
        _log.Log(before, _status);
        return next;
    }

    private string[] Notes => options.Capture == CaptureBackend.Ring ? [] :
    [
        "frames are captured through libpcap (--capture pcap): super-frames reach the sensor whole, not as the wire carried them, and frames between two captured pods may reach it twice; "
            + "without that option the kernel's ring is used, which has neither",
    ];

    /// <summary>Each part says what is wrong with it; here is said what is nobody's alone.</summary>
    private ImmutableArray<string> Warnings(Coverage coverage)
    {
        ImmutableArray<string> lost = losses.Look(mirror.Ledger.Read());
        var warnings = coverage.Warnings.ToBuilder();
        warnings.AddRange(((string?[])[nodeLock.Warning, policy.Problem, Endpoint?.Problem, links.Problem]).OfType<string>());
        warnings.AddRange(cluster.Warnings);
        if (!mirror.FiltersInKernel)
        {
            warnings.Add($"the kernel's limit net.core.optmem_max is too small for a filter on so many links{(options.Filter is null ? "" : " with what --filter says")}: "
                + "frames that nobody wants are copied; raise it");
        }

        if (mirror.SheddingWarning is { } shedding) warnings.Add(shedding);
        warnings.AddRange(lost);
        if (drops.Warning is { } dropped) warnings.Add(dropped);
        return warnings.ToImmutable();
    }
}
