using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Deciding;

/// <summary>What a policy changes for this node, compared with another.</summary>
/// <param name="OldRevision">Of the policy that it is compared with.</param>
/// <param name="OldSensor">Who receives by that.</param>
/// <param name="OldRules">What each rule of that policy means here.</param>
/// <param name="Rules">What each rule of the new one does.</param>
/// <param name="Pods">Each pod for which something changes.</param>
/// <param name="Interval">How long links were watched for the estimates.</param>
public sealed record PolicyComparison(
    string OldRevision, SensorStatus OldSensor, ImmutableArray<RuleScope> OldRules, ImmutableArray<RuleScope> Rules,
    ImmutableArray<PodChange> Pods, TimeSpan Interval)
{
    /// <summary>Whom <c>tap</c> may show, by the one policy and by the other.</summary>
    public (TapScope Old, TapScope Now) Tap { get; init; }

    /// <param name="old">The policy before, and what a survey said of it.</param>
    /// <param name="now">The new one, on the same pods and links.</param>
    /// <param name="namespaces">All namespaces that are known.</param>
    /// <param name="rates">What passes on the links.</param>
    internal static PolicyComparison Of(
        (MirrorPolicy Policy, SensorStatus Sensor, Coverage Coverage) old, (MirrorPolicy Policy, Coverage Coverage) now,
        IEnumerable<Namespace> namespaces, LinkRates rates)
    {
        var homes = new Dictionary<string, Namespace>(StringComparer.Ordinal);
        foreach (Namespace home in namespaces) homes[home.Name] = home;
        var before = old.Coverage.Pods.ToDictionary(pod => pod.Pod.Uid);
        return new PolicyComparison(
            old.Policy.Revision, old.Sensor,
            Scopes(old.Policy, old.Coverage, homes, rates), Scopes(now.Policy, now.Coverage, homes, rates),
            [.. now.Coverage.Pods.Select(pod => Change(before[pod.Pod.Uid], pod)).OfType<PodChange>()],
            rates.Interval)
        {
            Tap = (old.Policy.Tap, now.Policy.Tap),
        };
    }

    private static ImmutableArray<RuleScope> Scopes(
        MirrorPolicy policy, Coverage coverage, Dictionary<string, Namespace> homes, LinkRates rates)
    {
        ILookup<string, PodCoverage> byRule = coverage.Pods.Where(pod => pod.Rule is not null).ToLookup(pod => pod.Rule!.Name);
        return
        [
            .. policy.Rules.Select((rule, at) => new RuleScope(
                rule,
                [.. byRule[rule.Name].Select(pod => pod.Pod)],
                [
                    .. policy.Rules.Take(at).Select(earlier => (
                        By: earlier,
                        Pods: (ImmutableArray<Pod>)[.. byRule[earlier.Name].Select(pod => pod.Pod)
                            .Where(pod => homes.TryGetValue(pod.Namespace, out Namespace? home) && PodScope.Matches(rule, pod, home))]))
                        .Where(shadow => !shadow.Pods.IsEmpty),
                ],
                byRule[rule.Name].SelectMany(pod => pod.Links).Select(match => match.Link.Name).Distinct()
                    .Aggregate(default(TrafficRate), (sum, link) => sum + rates.Of(link)) * Share(rule.Traffic.Sample))),
        ];
    }

    private static double Share(SampleShare sample) => (double)sample.Kept / sample.Of;

    private static PodChange? Change(PodCoverage old, PodCoverage now) => (old.Rule, now.Rule) switch
    {
        (null, { } rule) => new PodChange(
            ScopeChange.Added, now.Pod, [.. RuleText.Said(rule).Select(key => (key.Key, (string?)null, (string?)key.Value))], null),
        ({ } rule, null) => new PodChange(
            ScopeChange.Removed, now.Pod, [.. RuleText.Said(rule).Select(key => (key.Key, (string?)key.Value, (string?)null))], now.Reason),
        ({ } was, { } rule) when RuleText.Differences(was, rule).Any() => new PodChange(
            ScopeChange.Changed, now.Pod,
            [.. RuleText.Differences(was, rule).Select(key => (key.Key, (string?)key.Old, (string?)key.New))], null),
        _ => null,
    };
}
