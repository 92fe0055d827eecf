using System.Collections.Immutable;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>What the policy says about pods: which rule decides, and why none does.</summary>
public static class PodScope
{
    /// <param name="policy">The policy in force.</param>
    /// <param name="pods">The pods of this node.</param>
    /// <param name="namespaces">All namespaces that are known.</param>
    /// <returns>One decision for each pod, ordered by namespace and name.</returns>
    public static ImmutableArray<ScopeDecision> Decide(MirrorPolicy policy, IEnumerable<Pod> pods, IEnumerable<Namespace> namespaces)
    {
        var byName = new Dictionary<string, Namespace>(StringComparer.Ordinal);
        foreach (Namespace known in namespaces) byName[known.Name] = known;
        return
        [
            .. pods.Select(pod => Decide(policy, pod, byName.GetValueOrDefault(pod.Namespace)))
                .OrderBy(d => d.Pod.Namespace, StringComparer.Ordinal)
                .ThenBy(d => d.Pod.Name, StringComparer.Ordinal)
                .ThenBy(d => d.Pod.Uid, StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// Whether the policy means this pod as a sensor, ready or not. Its traffic holds what was mirrored to it, so it is never in scope.
    /// </summary>
    public static bool IsSensor(SensorPolicy sensor, Pod pod)
    {
        if (sensor.Selector is { } selector) return sensor.Namespaces.Contains(pod.Namespace) && selector.Matches(pod.Labels);
        // The address of a pod on the host network is the node's, and that of every other such pod.
        return sensor.Address is { } address && !pod.HostNetwork && !pod.Finished && pod.Ips.Contains(address);
    }

    /// <summary>Whether the rule's selectors match, whatever other rules say.</summary>
    public static bool Matches(MirrorRule rule, Pod pod, Namespace home) =>
        rule.NamespaceSelector.Matches(home.Labels) && rule.PodSelector.Matches(pod.Labels);

    private static ScopeDecision Decide(MirrorPolicy policy, Pod pod, Namespace? home)
    {
        if (IsSensor(policy.Sensor, pod)) return new ScopeDecision(pod, null, "is a sensor; sensors are never captured");
        if (home is null) return new ScopeDecision(pod, null, $"namespace {pod.Namespace} is not known, so no rule can be matched");
        foreach (MirrorRule rule in policy.Rules)
        {
            if (Matches(rule, pod, home)) return new ScopeDecision(pod, rule, null);
        }

        return new ScopeDecision(pod, null, "no rule matches");
    }
}
