using System.Collections.Immutable;
using System.Threading.Channels;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// Brings the mirror in line with policy, cluster and links whenever one of them changes. Each round starts from all that is known, not
/// from the change, so a missed or doubled notification does no harm; every few seconds there is a round without any.
/// </summary>
internal sealed class Reconciler(
    string node, string? filter, PolicyFile policy, ClusterSource cluster, LinkMonitor links, LinkLookups lookups,
    IMirror mirror, NodeGovernor governor, SensorDrops drops, ScopeAudit audit, Taps taps,
    ILogger<Reconciler> logger)
{
    private static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(5);

    private readonly Survey _survey = new(lookups);
    private readonly OneWayDetector _oneWay = new();
    private readonly StatusLog _log = new(logger);
    private readonly FaultLog _faults = new(logger, "A round of matching");
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile bool _mirrors;
    private volatile AgentStatus _status = new(
        node, policy.Current.Revision, new SensorStatus(SensorState.Missing, policy.Current.Sensor.Reads, [], "starting"), [], []);

    /// <summary>
    /// Whose warnings are shown, beside those of the last round's coverage and in this order. The array may be replaced at any time.
    /// </summary>
    public IWarns[] Parts { get; set; } = [];

    /// <summary>The outcome of the last round.</summary>
    public AgentStatus Status => _status;

    /// <summary>
    /// From now on what a round finds is carried out. Until then it is found all the same, so that the lookups know what they need some
    /// time for when it is this agent's turn.
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
        governor.Changed += Notify;
        mirror.Changed += Notify;
        taps.Changed += Notify;
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
            ? _survey.Take(current, cluster.Pods, cluster.Namespaces, links.Current, taps.Wants)
            : (_status.Sensor with { Reason = "pods and namespaces are not known yet" }, Coverage.Empty);
        TimeSpan next = coverage.RecheckAfter is { } recheck && recheck < SafetyNet ? recheck : SafetyNet;
        if (!mirrors) return next;
        drops.Look(sensor);
        GovernorStatus governed = governor.Status;
        sensor = mirror.Apply(coverage.Pods, sensor, current.Sensor, governed.Restraint, current.CanaryVni);
        coverage = _oneWay.Mark(coverage, mirror.Directions);
        AgentStatus before = _status;
        _status = new AgentStatus(
            node, current.Revision, sensor, coverage.Pods, [.. coverage.Warnings, .. Parts.SelectMany(part => part.Warnings())])
        {
            Notes = [.. coverage.Notes, .. mirror.Notes],
            Filter = filter,
            CanaryVni = current.CanaryVni,
            Governor = governed,
            RejectedEstimates = mirror.Traffic.Where(pod => pod.RejectedEstimate is not null)
                .ToImmutableDictionary(pod => pod.Uid, pod => pod.RejectedEstimate!.Value),
        };
        _log.Log(before, _status);
        if (!cluster.Synced) return next;
        audit.Look(_status, cluster.Namespaces);
        taps.Look(current.Tap, _status, coverage.Beside);
        return next;
    }
}
