using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Selection;
using Microsoft.Extensions.Logging;

namespace HostAgent.Pipeline;

/// <summary>
/// Silence is reported: each captured pod is judged (<see cref="PodSilence"/>) by what the kernel counts on its links beside what was
/// captured and lost. It reads counters every few seconds, and adds nothing to any frame. One thread looks; <see cref="Count"/> is for any.
/// </summary>
/// <param name="logger">Gets the warnings when they change, though not too often.</param>
/// <param name="clock">For tests.</param>
internal sealed class SilenceWatch(ILogger logger, TimeProvider? clock = null)
{
    private const int Named = 3, AtOnce = 5;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Damper _changes = new(AtOnce, clock ?? TimeProvider.System);
    private Dictionary<MirroredPod, (PodKey Key, PodSilence Silence)> _pods = [];
    private ImmutableArray<SilentPod> _silent = [];
    private long? _looked;
    private int _count;

    /// <summary>Pods of which the sensor misses something, as of the last look; not those whose filter lets nothing through.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>As of the last look, one for all pods that it is the same with.</summary>
    public IEnumerable<string> Warnings => Sentences(_silent.Where(pod => pod.Verdict.Kind != SilenceKind.Filtered));

    /// <summary>Of pods whose filter lets nothing through.</summary>
    public IEnumerable<string> Notes => Sentences(_silent.Where(pod => pod.Verdict.Kind == SilenceKind.Filtered));

    /// <summary>Reads the counters, once in two seconds at most.</summary>
    /// <param name="links">All that are captured.</param>
    /// <param name="filtered">Whether there is a filter for all of them (--filter).</param>
    public void Look(IEnumerable<MirroredLink> links, bool filtered)
    {
        long now = _clock.GetTimestamp();
        if (_looked is { } looked && _clock.GetElapsedTime(looked, now) < Interval) return;
        _looked = now;
        Dictionary<string, LinkTraffic> traffic = ProcNet.Traffic();
        var pods = new Dictionary<MirroredPod, (PodKey Key, PodSilence Silence)>();
        var silent = ImmutableArray.CreateBuilder<SilentPod>();
        foreach (IGrouping<MirroredPod, MirroredLink> own in links.GroupBy(link => link.Pod))
        {
            var key = new PodKey([.. own.OrderBy(link => link.Index)], filtered);
            PodSilence silence = _pods.TryGetValue(own.Key, out (PodKey Key, PodSilence Silence) known) && known.Key.Same(key)
                ? known.Silence
                : new PodSilence(key.IsFiltered, own.Any(link => link.LimitsFlows), _clock);
            pods.Add(own.Key, (key, silence));
            if (silence.Look(Read(own.Key, own, traffic, now)) is { } verdict)
                silent.Add(new SilentPod(own.Key, [.. own.Select(link => link.Name)], key.Filters, verdict));
        }

        bool changed = !Warning(_silent).SetEquals(Warning(silent));
        (_pods, _silent) = (pods, silent.ToImmutable());
        Volatile.Write(ref _count, Warning(_silent).Count);
        Log(changed);
    }

    private static HashSet<MirroredPod> Warning(IEnumerable<SilentPod> silent) =>
        [.. silent.Where(pod => pod.Verdict.Kind != SilenceKind.Filtered).Select(pod => pod.Pod)];

    private static PodReading Read(
        MirroredPod pod, IEnumerable<MirroredLink> links, Dictionary<string, LinkTraffic> traffic, long now)
    {
        LinkTraffic carried = default;
        var directions = new DirectionCounts(0, 0);
        bool known = true;
        foreach (MirroredLink link in links)
        {
            known &= traffic.TryGetValue(link.Name, out LinkTraffic one);
            carried = new LinkTraffic(carried.Received + one.Received, carried.Sent + one.Sent, 0);
            DirectionCounts counts = link.Directions;
            directions = new DirectionCounts(
                directions.AnsweredFromPod + counts.AnsweredFromPod, directions.ToPod + counts.ToPod);
        }

        return new PodReading(
            now, known ? carried : null, pod.Frames, directions, [.. Enum.GetValues<LossReason>().Select(pod.NotSentAs)]);
    }

    private static IEnumerable<string> Sentences(IEnumerable<SilentPod> silent) =>
        silent.GroupBy(pod => (pod.Verdict.Kind, pod.Verdict.Reason, pod.Filters)).OrderBy(same => same.Key.Kind).Select(Sentence);

    private static string Sentence(IEnumerable<SilentPod> same)
    {
        SilentPod[] pods = [.. same.OrderByDescending(pod => pod.Verdict.Frames)];
        SilentPod first = pods[0];
        string who = (pods.Length == 1 ? "pod " : "pods ") + string.Join(", ", pods.Take(Named).Select(pod => $"{pod.Pod}"))
            + (pods.Length > Named ? $" and {pods.Length - Named} more" : "");
        string links = pods.Length == 1 ? string.Join(" and ", first.Links) : "their links";
        long count = pods.Sum(pod => pod.Verdict.Frames);
        string frames = $"{count:N0}", of = $"{pods.Sum(pod => pod.Verdict.Of):N0}";
        string within = $"within {PodSilence.Window.TotalSeconds} s";
        const string mend = "something takes them before they can be seen, such as an XDP program on the link ('ip -d link show' names it) "
            + "or a network card that forwards by itself, or the capture is at fault: restart the agent, and report it if that helps";
        return first.Verdict.Kind switch
        {
            SilenceKind.All => $"{who}: {links} carried {frames} frames {within}, and none of them was captured; {mend}",
            SilenceKind.FromPod when count == 0 => $"{who}: only frames to the pod are seen on {links}, and they acknowledge what it sent; "
                + "its frames leave by a link that is not known, or the network plugin takes them past this one",
            SilenceKind.FromPod => $"{who}: {links} carried {frames} frames from the pod {within}, and none of them was captured; {mend}",
            SilenceKind.ToPod => $"{who}: {links} carried {frames} frames to the pod {within}, and none of them was captured; {mend}",
            SilenceKind.Lost => $"{who}: {frames} of {of} frames {within} were lost as {first.Verdict.Reason!.Value.Name()}: "
                + first.Verdict.Reason.Value.Mend(),
            SilenceKind.Filtered => $"{who}: {first.Filters} let none of {frames} frames through; see that it says what is meant",
            _ => throw new ArgumentOutOfRangeException(nameof(same), first.Verdict.Kind, null),
        };
    }

    private void Log(bool changed)
    {
        if (changed) _changes.Happened();
        if (_changes.Due() == 0) return;
        if (Count == 0) logger.LogInformation("The sensor misses no pod any more");
        foreach (string warning in Warnings) logger.LogWarning("The sensor misses {Silence}", warning);
    }

    /// <summary>What has to stay the same for counts to be compared.</summary>
    private sealed record PodKey(ImmutableArray<MirroredLink> Links, bool ForAll)
    {
        private bool OfRule => Links.Any(link => link.Filter is not null);

        public bool IsFiltered => ForAll || OfRule;

        public string Filters => (OfRule, ForAll) switch
        {
            (true, true) => "its rule's filter and --filter",
            (true, false) => "its rule's filter",
            (false, true) => "--filter",
            _ => "",
        };

        public bool Same(PodKey other) => ForAll == other.ForAll && Links.Select(Part).SequenceEqual(other.Links.Select(Part));

        // Shared by all records of one link and pod.
        private static (object Shards, object? Filter, bool Limits) Part(MirroredLink link) =>
            (link.Shards, link.Filter, link.LimitsFlows);
    }
}
