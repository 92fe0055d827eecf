using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Configuration;
using HostAgent.Links;
using HostAgent.Tunnel;

namespace HostAgent;

/// <summary>
/// From what is known to what is to be done: policy, pods and links in; sensor and coverage out. <c>run</c> acts on its answer,
/// <c>check</c> prints it, so the two cannot disagree. It remembers which link was whose, and is not thread-safe.
/// </summary>
internal sealed class Survey(LinkLookups lookups)
{
    private readonly SensorResolver _sensors = new(lookups.All);
    private readonly PodLinkMatcher _matcher = new(lookups.All);

    public (SensorStatus Sensor, Coverage Coverage) Take(
        MirrorPolicy policy, IReadOnlyCollection<Pod> pods, IEnumerable<Namespace> namespaces, LinkSnapshot links)
    {
        SensorStatus sensor = _sensors.Resolve(policy.Sensor, pods, links);
        ImmutableArray<ScopeDecision> scope = PodScope.Decide(policy, pods, namespaces);
        int[] sensorLinks = [.. sensor.Endpoints.Select(endpoint => endpoint.Link.Index)];
        Coverage coverage = _matcher.Match(scope.Select(decision => (decision.Pod, decision.Rule)), links, sensorLinks);
        lookups.Follow(coverage);
        var reasons = scope.Where(decision => decision.Rule is null).ToDictionary(decision => decision.Pod.Uid, decision => decision.Reason);
        return (sensor, coverage with
        {
            Warnings = [.. coverage.Warnings, .. lookups.Problems],
            Pods = [.. coverage.Pods.Select(pod => pod.State == PodState.NotSelected && !pod.Pod.Finished
            ? pod with { Reason = reasons.GetValueOrDefault(pod.Pod.Uid) ?? pod.Reason }
            : pod)]
        });
    }
}
