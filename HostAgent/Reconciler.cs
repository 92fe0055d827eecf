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
    string node, PolicyFile policy, ClusterSource cluster, LinkMonitor links, LinkLookups lookups, Mirror mirror, SensorDrops drops, ILogger<Reconciler> logger)
{
    private static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(5);

    private readonly Survey _survey = new(lookups);
    private readonly OneWayDetector _oneWay = new();
    private long _unknownOffload;
    private long _refused;
    private long _dropped;
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile AgentStatus _status = new(node, policy.Current.Revision, new SensorStatus(SensorState.Missing, policy.Current.Sensor.Reads, [], "starting"), [], []);

    /// <summary>The outcome of the last round.</summary>
    public AgentStatus Status => _status;

    /// <summary>Runs until cancelled.</summary>
    /// <param name="beat">Called in each round.</param>
    /// <param name="matched">Called after each round that knew all pods and namespaces.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(Action beat, Action matched, CancellationToken cancellation)
    {
        void Notify() => _news.Writer.TryWrite(true);
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
                wait = Round();
                if (cluster.Synced) matched();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // What is captured goes on being captured; the next round tries again.
                logger.LogError(e, "A round of matching failed");
                wait = TimeSpan.FromSeconds(1);
            }
        }
    }

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

    private TimeSpan Round()
    {
        MirrorPolicy current = policy.Current;
        (SensorStatus sensor, Coverage coverage) = cluster.Synced
            ? _survey.Take(current, cluster.Pods, cluster.Namespaces, links.Current)
            : (_status.Sensor with { Reason = "pods and namespaces are not known yet" }, Coverage.Empty);
        drops.Look(sensor);
        sensor = mirror.Apply(coverage.Pods, sensor, current.Sensor);
        coverage = _oneWay.Mark(coverage, mirror.Directions);
        AgentStatus before = _status;
        _status = new AgentStatus(node, current.Revision, sensor, coverage.Pods, Warnings(coverage));
        LogChanges(before, _status);
        return coverage.RecheckAfter is { } recheck && recheck < SafetyNet ? recheck : SafetyNet;
    }

    private ImmutableArray<string> Warnings(Coverage coverage)
    {
        var warnings = coverage.Warnings.ToBuilder();
        if (!policy.LastReloadSuccessful) warnings.Add($"the policy file has {policy.Errors.Length} error(s) and is not in force: {policy.Errors[0].In("policy")}");
        if (cluster.Problem is { } problem) warnings.Add(problem);
        if (links.Problem is { } blind) warnings.Add(blind);
        if (!mirror.FiltersInKernel)
        {
            warnings.Add("the kernel's limit net.core.optmem_max is too small for a filter on so many links: every frame of the node is copied");
        }

        if (mirror.Shedding.OrderByDescending(shed => shed.Share).ToList() is [var first, ..] shedding)
        {
            string others = shedding.Count > 1 ? $", and of {shedding.Count - 1} other pods less" : "";
            warnings.Add($"frames come faster than they can be sent: of pod {first.Pod} {first.Share:P0} of the flows are given up{others}, on the ledger as "
                + "overload; raise the CPU limit or narrow the policy");
        }

        LedgerSnapshot ledger = mirror.Ledger.Read();
        if (Rise(ref _unknownOffload, ledger.UnknownOffload) is > 0 and long unknown)
        {
            warnings.Add($"{unknown} frames since the last look were of a kind that the kernel cannot hand over (SCTP in super-frames; UDP in "
                + "super-datagrams before Linux 6.2); they are among those lost as kernel_ring");
        }

        if (Rise(ref _refused, ledger.Refused) > 0)
        {
            warnings.Add($"the sensor's host answers that nobody listens on UDP port {policy.Current.Sensor.Port}: start the sensor, or say reads: sniff if it sniffs its interface");
        }

        if (Rise(ref _dropped, drops.AtLink + drops.AtSocket) is > 0 and long dropped)
        {
            warnings.Add($"the sensor does not keep up: {dropped} datagrams were lost since the last look, at its link or its socket; give it more CPU, a larger receive "
                + "buffer, or a sensor more");
        }

        return warnings.ToImmutable();
    }

    /// <summary>How much a count is more than at the last look.</summary>
    private static long Rise(ref long last, long now)
    {
        long rise = now - last;
        last = now;
        return rise;
    }

    private void LogChanges(AgentStatus before, AgentStatus after)
    {
        if (after.PolicyRevision != before.PolicyRevision) logger.LogInformation("Policy {Revision} is in force", after.PolicyRevision);
        if (after.Sensor.State != before.Sensor.State || !after.Sensor.Endpoints.SequenceEqual(before.Sensor.Endpoints) || after.Sensor.Reason != before.Sensor.Reason)
        {
            logger.LogInformation("Sensor {State}: {Endpoints} {Reason}", after.Sensor.State,
                string.Join(", ", after.Sensor.Endpoints.Select(e => $"{e.Address} port {e.Port} on {e.Link.Name}")), after.Sensor.Reason ?? "");
        }

        var known = before.Pods.ToDictionary(p => p.Pod.Uid);
        foreach (PodCoverage pod in after.Pods)
        {
            known.Remove(pod.Pod.Uid, out PodCoverage? was);
            if (was is null && pod.State == PodState.NotSelected) continue;
            if (was is not null && Same(was, pod)) continue;
            logger.LogInformation("Pod {Namespace}/{Pod} {State}: rule {Rule}, links {Links} {Reason}", pod.Pod.Namespace, pod.Pod.Name, pod.State,
                pod.Rule?.Name ?? "none", string.Join(", ", pod.Links.Select(l => $"{l.Link.Name} by {l.FoundBy}")), pod.Reason ?? "");
        }

        foreach (PodCoverage gone in known.Values.Where(p => p.State != PodState.NotSelected))
        {
            logger.LogInformation("Pod {Namespace}/{Pod} has left the node", gone.Pod.Namespace, gone.Pod.Name);
        }
    }

    private static bool Same(PodCoverage a, PodCoverage b) => a.State == b.State && a.Reason == b.Reason && a.Rule?.Name == b.Rule?.Name
        && a.Links.Select(l => (l.Link.Index, l.FoundBy)).SequenceEqual(b.Links.Select(l => (l.Link.Index, l.FoundBy)));
}
