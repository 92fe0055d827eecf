using System.Globalization;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Policy;

namespace HostAgent.Observability;

/// <summary>What <c>check --against</c> found, for people: what changes, then rule by rule, and how much that is about.</summary>
internal static class AgainstText
{
    public static IEnumerable<string> Lines(AgentStatus status, PolicyComparison comparison)
    {
        yield return $"Against policy {comparison.OldRevision}: {Count(ScopeChange.Added)} pods come into scope, "
            + $"{Count(ScopeChange.Removed)} leave it, {Count(ScopeChange.Changed)} are mirrored otherwise.";
        string sensor = CoverageTable.SensorLine(comparison.OldSensor);
        if (sensor != CoverageTable.SensorLine(status.Sensor)) yield return $"By that policy: {sensor}";
        if (comparison.Tap is var (was, now) && was != now) yield return $"Who may be tapped changes: tap {was.Name()} -> {now.Name()}.";
        foreach (PodChange pod in comparison.Pods) yield return Line(pod);
        yield return "";
        yield return $"Rules of policy {status.PolicyRevision}:";
        foreach (string line in comparison.Rules.SelectMany(Lines)) yield return line;
        yield return "";
        yield return $"Rules of policy {comparison.OldRevision}:";
        foreach (string line in comparison.OldRules.SelectMany(Lines)) yield return line;
        yield return "";
        yield return $"In all {Rate(Sum(comparison.OldRules))} before, {Rate(Sum(comparison.Rules))} after. This is an estimate from the "
            + $"links' counters over {comparison.Interval.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s, times the samples.";
        yield return "It counts a super-frame as one, a frame between two pods on both their links, "
            + "and also what filter, slice and rate leave out.";

        int Count(ScopeChange change) => comparison.Pods.Count(pod => pod.Change == change);
    }

    private static string Line(PodChange pod)
    {
        string keys = string.Join(", ", pod.Keys.Select(key => pod.Change == ScopeChange.Changed
            ? $"{key.Key} {key.Old} -> {key.New}"
            : $"{key.Key} {key.Old ?? key.New}"));
        return $"  {pod.Change.Name()} {pod.Pod}: {keys}{(pod.Reason is null ? "" : $"; now {pod.Reason}")}";
    }

    private static IEnumerable<string> Lines(RuleScope scope)
    {
        yield return $"  {scope.Rule.Name}: {scope.Pods.Length} pods, {Rate(scope.Rate)}{Names(scope.Pods)}";
        foreach ((MirrorRule by, var pods) in scope.Shadowed)
            yield return $"    would match {pods.Length} more, which {by.Name} takes before it{Names(pods)}";
    }

    private static string Names(IReadOnlyCollection<Pod> pods) => pods.Count == 0 ? "" : $": {string.Join(", ", pods)}";

    private static TrafficRate Sum(IEnumerable<RuleScope> rules) => rules.Aggregate(default(TrafficRate), (sum, rule) => sum + rule.Rate);

    private static string Rate(TrafficRate rate) => string.Create(
        CultureInfo.InvariantCulture, $"about {rate.FramesPerSecond:F0} frames/s, {rate.BitsPerSecond / 1e6:F1} Mbit/s");
}
