using System.Collections.Immutable;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// The record of whose traffic is captured: each change is counted and is one line, with who, by which rule and policy, and why. Whoever
/// may label pods can make them come and go as fast as the API takes it, so of one pod (by name, since its UID is new each time) only the
/// first changes are lines of their own; then a line says now and then how many there were and what the last was. The counts are always
/// exact.
/// </summary>
/// <param name="logger">Of a category of its own, so that these lines can be told from all others.</param>
/// <param name="clock">For the times.</param>
internal sealed class ScopeAudit(ILogger logger, TimeProvider? clock = null)
{
    /// <summary>The logger's category.</summary>
    public const string Category = "HostAgent.Audit";

    /// <summary>Of the line of each pod.</summary>
    public static readonly EventId PodEvent = new(1, "ScopeChanged");

    /// <summary>Of the line that says that all that is captured goes to another sensor.</summary>
    public static readonly EventId SensorEvent = new(2, "SensorChanged");

    /// <summary>More than any pod or sensor needs that is not made to flap.</summary>
    private const int AtOnce = 10;

    private const string PodLine =
        "Scope {Change}: pod {Namespace}/{Pod} uid {Uid}, rule {Rule}, VNI {Vni}, links {Links}, sensor {Sensor}, policy {PolicyRevision}: "
        + "{Reason}";

    private const string SensorLine = "Scope {Change}: {Pods} captured pods, sensor {Sensor}, policy {PolicyRevision}: {Reason}";
    private const string Again = " (changed {Changes} times since its last line)";

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly long[] _counts = new long[Enum.GetValues<ScopeChange>().Length];
    private readonly Dictionary<string, (ScopeEvent Last, Damper Changes)> _pods = [];
    private readonly Damper _sensorChanges = new(AtOnce, clock ?? TimeProvider.System);
    private Dictionary<string, ImmutableDictionary<string, string>> _namespaces = [];
    private AgentStatus? _before;
    private string _sensorSaid = "";

    /// <summary>How many changes there were, in pods; any thread may ask.</summary>
    public long Count(ScopeChange change) => Volatile.Read(ref _counts[(int)change]);

    /// <summary>The last changes, one by one, however often a pod changes.</summary>
    public RecentChanges Recent { get; } = new();

    /// <summary>
    /// To be called with the outcome of each round that knew all pods and namespaces, also when nothing is new: what was kept back may be
    /// due.
    /// </summary>
    public void Look(AgentStatus now, IEnumerable<Namespace> namespaces)
    {
        var labels = new Dictionary<string, ImmutableDictionary<string, string>>(StringComparer.Ordinal);
        foreach (Namespace known in namespaces) labels[known.Name] = known.Labels;
        var reasons = new ScopeReasons(_before, now, _namespaces, labels);
        LookAtSensor(now);
        var gone = (_before?.Pods ?? []).ToDictionary(pod => pod.Pod.Uid);
        var happened = new List<ScopeEvent>();
        foreach (PodCoverage pod in now.Pods)
        {
            gone.Remove(pod.Pod.Uid, out PodCoverage? was);
            if (Compare(was, pod, now, reasons) is { } change) happened.Add(change);
        }

        // Who has gone comes first: a pod of the same name may be there again.
        foreach (PodCoverage was in gone.Values.Where(IsCaptured))
            Happened(Event(ScopeChange.Removed, was, now, reasons.Removed(was, null)), now);
        foreach (ScopeEvent change in happened) Happened(change, now);
        SayWhatIsDue(now);
        (_before, _namespaces) = (now, labels);
    }

    /// <summary>The agent captures no more.</summary>
    public void End()
    {
        if (_before is not { } last) return;
        foreach (PodCoverage was in last.Pods.Where(IsCaptured)) Happened(Event(ScopeChange.Removed, was, last, "the agent ends"), last);
        foreach ((ScopeEvent change, Damper changes) in _pods.Values)
        {
            if (changes.Rest() is > 0 and int times) Say(change, last, times);
        }

        _before = null;
    }

    private static bool IsCaptured(PodCoverage pod) => pod.State == PodState.Captured && pod.Rule is not null;

    private static ScopeEvent? Compare(PodCoverage? was, PodCoverage pod, AgentStatus now, ScopeReasons reasons)
    {
        if (was is not null && !IsCaptured(was) && !IsCaptured(pod)) return null;
        if (was is null || !IsCaptured(was))
            return IsCaptured(pod) ? Event(ScopeChange.Added, pod, now, reasons.Added(was, pod)) : null;
        if (!IsCaptured(pod)) return Event(ScopeChange.Removed, was, now, reasons.Removed(was, pod));
        return reasons.Changed(was, pod) is { } reason ? Event(ScopeChange.Changed, pod, now, reason) : null;
    }

    private static ScopeEvent Event(ScopeChange change, PodCoverage pod, AgentStatus now, string reason) =>
        new(change, pod.Pod, pod.Rule!, ScopeReasons.LinkNames(pod), now.PolicyRevision, reason);

    private static string Name(SensorStatus sensor) => sensor.State == SensorState.Ready
        ? string.Join(",", sensor.Endpoints.Select(at => $"{new IPEndPoint(at.Address, at.Port)} on {at.Link.Name}"))
        : "none";

    /// <summary>One line for all pods, each of which counts: a line for each would say the same as often as there are pods.</summary>
    private void LookAtSensor(AgentStatus now)
    {
        string sensor = Name(now.Sensor);
        int pods = _before?.Pods.Count(was => IsCaptured(was) && now.Pods.Any(pod => pod.Pod.Uid == was.Pod.Uid && IsCaptured(pod))) ?? 0;
        if (pods == 0)
        {
            _sensorSaid = sensor;
        }
        else if (sensor != Name(_before!.Sensor))
        {
            Interlocked.Add(ref _counts[(int)ScopeChange.Changed], pods);
            Recent.Add(new RecentChange(_clock.GetUtcNow(), ScopeChange.Changed, $"{pods} captured pods", null, null,
                $"sensor {Name(_before.Sensor)} -> {sensor}"));
            _sensorChanges.Happened();
        }

        if (_sensorChanges.Due() is not (> 0 and int times)) return;
        Say(SensorEvent, SensorLine, times, ScopeChange.Changed.Name(), pods, sensor, now.PolicyRevision,
            $"sensor {_sensorSaid} -> {sensor}");
        _sensorSaid = sensor;
    }

    private void Happened(ScopeEvent change, AgentStatus now)
    {
        Interlocked.Increment(ref _counts[(int)change.Change]);
        string name = change.Pod.ToString();
        Recent.Add(new RecentChange(_clock.GetUtcNow(), change.Change, name, change.Rule.Name, change.Links, change.Reason));
        Damper changes = _pods.TryGetValue(name, out (ScopeEvent Last, Damper Changes) known) ? known.Changes : new Damper(AtOnce, _clock);
        _pods[name] = (change, changes);
        changes.Happened();
        if (changes.Due() is > 0 and int times) Say(change, now, times);
    }

    private void SayWhatIsDue(AgentStatus now)
    {
        foreach ((string name, (ScopeEvent last, Damper changes)) in _pods)
        {
            if (changes.Due() is > 0 and int times) Say(last, now, times);
            else if (changes.IsCalm) _pods.Remove(name);
        }
    }

    private void Say(ScopeEvent change, AgentStatus now, int times) => Say(PodEvent, PodLine, times,
        change.Change.Name(), change.Pod.Namespace, change.Pod.Name, change.Pod.Uid, change.Rule.Name, change.Rule.Vni, change.Links,
        Name(now.Sensor), change.PolicyRevision, change.Reason);

    private void Say(EventId id, string line, int times, params object?[] values)
    {
        if (times == 1) logger.LogInformation(id, line, values);
        else logger.LogInformation(id, line + Again, [.. values, times]);
    }
}
