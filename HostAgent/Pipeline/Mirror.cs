using System.Collections.Immutable;
using System.Diagnostics;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Governing;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging;

namespace HostAgent.Pipeline;

/// <summary>
/// Captures, channels and senders as one: it is told which links are whose and who receives, and carries that out in every shard. Apart
/// from <see cref="Apply"/>, <see cref="Stop"/>, <see cref="Drain"/> and <see cref="Dispose"/>, which one thread calls, everything may be
/// read from anywhere.
/// </summary>
internal sealed class Mirror : IMirror, IDisposable
{
    /// <summary>What <see cref="Drain"/> is given where nothing else waits.</summary>
    public static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<ICapture> _captures;
    private readonly ShardLedger[] _ledgers;
    private readonly FrameSender[] _senders;
    private readonly Shard[] _shards;
    private readonly FrameFilter? _filter;
    private readonly SensorTransports _sensors;
    private readonly ImmutableArray<string> _notes;
    private readonly SilenceWatch _silence;
    private readonly Canary _canary;
    private LinkTable _links = new([]);
    private RuleTraffic[] _inForce = [];

    // The links whose frames all captures accept, with their filters; null after a failure, when each may be at another point and the next
    // round has to tell them again.
    private CapturedLink[]? _accepted = [];
    private ImmutableDictionary<string, MirroredPod> _pods = ImmutableDictionary<string, MirroredPod>.Empty;
    private long _looked;

    /// <param name="factory">Opens a capture for each shard.</param>
    /// <param name="shards">How many, at least 1.</param>
    /// <param name="logger">For what befalls the shards.</param>
    /// <param name="filter">Which frames are wanted; null for all. The captures may keep the others out before.</param>
    /// <param name="node">The node's name, for a receiver on another host.</param>
    /// <param name="clock">By which pods are judged to be silent; for tests.</param>
    /// <param name="canaries">From one canary to the next, where they are wanted; for tests.</param>
    public Mirror(
        ICaptureFactory factory, int shards, ILogger logger, FrameFilter? filter = null, string node = "unnamed",
        TimeProvider? clock = null, TimeSpan? canaries = null)
    {
        _canary = new Canary(node, canaries ?? Canary.Interval);
        _filter = filter;
        _silence = new SilenceWatch(logger, clock);
        _notes = factory.Note is { } note ? [note] : [];
        _captures = factory.Open(shards);
        _ledgers = [.. _captures.Select(_ => new ShardLedger())];
        _senders = [.. _ledgers.Select((ledger, i) => new FrameSender(ledger, i, filter))];
        _shards = [.. _captures.Select((capture, i) => new Shard(i, capture, _senders[i], logger))];
        _sensors = new SensorTransports(_ledgers, node, () => Changed?.Invoke());
        Ledger = new Ledger(_captures, _ledgers);
        foreach (Shard shard in _shards) shard.Start();
    }

    public event Action? Changed;

    public Ledger Ledger { get; }

    public IEnumerable<string> Notes => [.. _notes, .. _silence.Notes];

    /// <inheritdoc cref="SilenceWatch.Count"/>
    public int SilentPods => _silence.Count;

    /// <inheritdoc cref="Canary.Sent"/>
    public long CanariesSent => _canary.Sent;

    /// <summary>
    /// False when the kernel's limits do not allow a filter for so many links, or such expressions, so that unwanted frames are copied.
    /// </summary>
    public bool FiltersInKernel { get; private set; } = true;

    public DirectionCounts? Directions(Link link) =>
        _filter is null && _links.Find(link.Index) is { Filter: null } unfiltered ? unfiltered.Directions : null;

    /// <summary>
    /// Pods of which flows are given up at the moment, because frames come faster than they can be sent, and how much of their flows, 0 to
    /// 1.
    /// </summary>
    public IEnumerable<(MirroredPod Pod, double Share)> Shedding => _links.Links
        .Select(link => (link.Pod, Share: link.Shards.Max(shard => shard.Load.ShareShed)))
        .Where(link => link.Share > 0).GroupBy(link => link.Pod).Select(pod => (pod.Key, pod.Max(link => link.Share)));

    /// <inheritdoc cref="SensorTransports.CertificateEnds"/>
    public DateTimeOffset? CertificateEnds() => _sensors.CertificateEnds();

    public IEnumerable<string> Warnings()
    {
        if (!FiltersInKernel)
        {
            string[] also = [.. _filter is null ? (string[])[] : ["--filter"],
                .. _links.Links.Any(link => link.Filter is not null) ? (string[])["the rules' filters"] : []];
            yield return "the kernel's limit net.core.optmem_max is too small for a filter on so many links"
                + (also.Length == 0 ? ": frames that nobody wants are copied; raise it"
                    : $" with what {string.Join(" and ", also)} say{(also is ["--filter"] ? "s" : "")}: "
                        + "frames that nobody wants are copied; raise it, or make the expressions shorter");
        }

        foreach (string warning in _sensors.Warnings()) yield return warning;

        foreach (string warning in _silence.Warnings) yield return warning;

        (MirroredPod Pod, double Share)[] shedding = [.. Shedding.OrderByDescending(shed => shed.Share)];
        if (shedding is not [var (pod, share), ..]) yield break;
        string others = shedding.Length > 1 ? $", and of {shedding.Length - 1} more as much or less" : "";
        yield return $"frames come faster than they can be sent: of pod {pod} {share:P0} of the flows are given up{others}, "
            + "on the ledger as overload; raise the CPU limit or narrow the policy";
    }

    /// <summary>From now on the agent counts as hung when a reading thread does not come round for so long.</summary>
    public void ReportTo(AgentHealth health, TimeSpan patience)
    {
        for (int i = 0; i < _shards.Length; i++) _shards[i].Heartbeat = health.AddHeartbeat($"capture-{i}", patience);
    }

    /// <summary>What was captured of each pod in scope.</summary>
    public IReadOnlyCollection<PodTraffic> Traffic => [.. Volatile.Read(ref _pods).Values.Select(p => p.Traffic())];

    /// <summary>What the rules of the captured pods say of their traffic, each once.</summary>
    public IReadOnlyCollection<RuleTraffic> InForce => Volatile.Read(ref _inForce);

    public SensorStatus Apply(
        ImmutableArray<PodCoverage> coverage, SensorStatus sensor, SensorPolicy policy, Restraint restraint = default,
        uint? canaryVni = null)
    {
        SensorStatus used = _sensors.Open(sensor, policy);
        _links = Assign(coverage, restraint.Level, _links);
        double busy = restraint.Cores is { } cores ? Math.Min(1, cores / _senders.Length) : 1;
        foreach (FrameSender sender in _senders) sender.Shedder.BusyLimit = busy;

        // The senders know a link before its frames are accepted; frames of links that are no longer captured are out_of_scope.
        _canary.Vni = canaryVni;
        for (int i = 0; i < _senders.Length; i++)
            _senders[i].Plan = new ShardPlan(_links, _sensors.OfShard(i), _sensors.Endpoints) { Canary = i == 0 ? _canary : null };
        CountRejected();
        SetLinks([.. _links.Links.Select(l => new CapturedLink(l.Index, l.Filter)).OrderBy(l => l.Index)]);
        _silence.Look(_links.Links, _filter is not null);
        return _sensors.Connected(used);
    }

    /// <summary>Accepts no more frames.</summary>
    public void Stop() => SetLinks([]);

    /// <summary>Accepts no more frames, sends those that were captured, and settles the ledger.</summary>
    public void Drain(TimeSpan limit)
    {
        Stop();
        foreach (Shard shard in _shards) shard.Drain(limit);
    }

    public void Dispose()
    {
        foreach (Shard shard in _shards) shard.Dispose();
    }

    private void SetLinks(CapturedLink[] links)
    {
        if (_accepted is { } accepted && links.SequenceEqual(accepted)) return;
        _accepted = null;
        bool filtered = true;
        foreach (ICapture capture in _captures) filtered &= capture.SetLinks(links);
        FiltersInKernel = filtered;
        _accepted = links;
    }

    /// <summary>Looks at the counters of links that have a filter: before one is captured, and else once a second at most.</summary>
    private void CountRejected()
    {
        ILookup<MirroredPod, MirroredLink> filtered = _links.Links.Where(link => link.Filter is not null).ToLookup(link => link.Pod);
        foreach (MirroredPod pod in _pods.Values) pod.Rejected = filtered.Contains(pod) ? pod.Rejected ?? new RejectedFrames() : null;
        if (filtered.Count == 0) return;
        if (filtered.All(pod => pod.Key.Rejected!.Knows(pod)) && Stopwatch.GetElapsedTime(_looked) < LookInterval) return;
        _looked = Stopwatch.GetTimestamp();
        Dictionary<string, LinkTraffic> traffic = ProcNet.Traffic();
        foreach (IGrouping<MirroredPod, MirroredLink> pod in filtered) pod.Key.Rejected!.Look(pod, pod.Key.Frames, traffic);
    }

    private LinkTable Assign(ImmutableArray<PodCoverage> coverage, GovernorLevel level, LinkTable before)
    {
        long now = Frame.Now;
        var pods = ImmutableDictionary.CreateBuilder<string, MirroredPod>();
        var links = new List<MirroredLink>();
        var inForce = new HashSet<RuleTraffic>();
        foreach (PodCoverage covered in coverage)
        {
            if (covered.State != PodState.Captured || covered.Rule is null) continue;
            MirroredPod pod = _pods.GetValueOrDefault(covered.Pod.Uid)
                ?? new MirroredPod(covered.Pod.Namespace, covered.Pod.Name, covered.Pod.Uid, _shards.Length);
            pods[covered.Pod.Uid] = pod;
            inForce.Add(covered.Rule.Traffic);
            RuleTraffic traffic = level.Limit(covered.Rule.Traffic);
            pod.Limit(traffic.Rate);
            foreach (LinkMatch match in covered.Links)
            {
                MirroredLink? known = before.Find(match.Link.Index);
                MirroredLink link = known is not null && ReferenceEquals(known.Pod, pod) ? known
                    : new MirroredLink(match.Link.Index, pod, covered.Rule.Vni, match.Link.Master, now,
                        [.. _shards.Select(_ => new LinkCounters(match.Link.Index))]);
                foreach (LinkCounters shard in link.Shards) shard.Load.Priority = traffic.Priority;
                links.Add(link with
                {
                    Vni = covered.Rule.Vni,
                    Bridge = match.Link.Master,
                    Name = match.Link.Name,
                    Filter = traffic.Filter,
                    Sample = new FlowSample(traffic.Sample),
                    Always = traffic.Thins ? traffic.Always : null,
                    Slice = traffic.Slice,
                    Bucket = pod.Bucket,
                });
            }
        }

        Volatile.Write(ref _pods, pods.ToImmutable());
        Volatile.Write(ref _inForce, [.. inForce]);
        return new LinkTable(links);
    }
}
