using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;

namespace HostAgent.Deciding;

/// <summary>Whether a pod may be tapped now, and where its frames are.</summary>
/// <param name="Verdict">Whether.</param>
/// <param name="Reason">Why not, or not yet, in words for whoever asked; null when granted.</param>
internal sealed record TapDecision(TapVerdict Verdict, string? Reason)
{
    /// <summary>The pod; null when there is none of that name.</summary>
    public Pod? Pod { get; init; }

    /// <summary>The rule that selects it; null where the policy permits any pod.</summary>
    public string? Rule { get; init; }

    /// <summary>Empty unless granted.</summary>
    public ImmutableArray<LinkMatch> Links { get; init; } = [];

    /// <summary>The links' names.</summary>
    public string LinkNames => string.Join(",", Links.Select(match => match.Link.Name));

    /// <summary>By what the last round of matching found.</summary>
    /// <param name="request">Which pod.</param>
    /// <param name="allowed">What the policy permits.</param>
    /// <param name="status">The outcome of the round.</param>
    /// <param name="beside">Pods that no rule selects, as if one did.</param>
    public static TapDecision Of(TapRequest request, TapScope allowed, AgentStatus status, ImmutableArray<PodCoverage> beside)
    {
        // One that has finished may still be listed when its successor runs.
        PodCoverage? found = status.Pods.Where(pod => request.IsFor(pod.Pod)).MinBy(pod => pod.Pod.Finished);
        if (found is null)
        {
            return new TapDecision(
                TapVerdict.Refused, $"node {status.Node} has no pod {request}: kubectl get pod -o wide says on which node it is");
        }

        if (found.Pod.Finished) return Without(TapVerdict.Finished, found, found.Reason);
        if (found.Rule is not null) return Of(found, found.Rule.Name);
        if (allowed != TapScope.Any)
        {
            return Without(
                TapVerdict.Refused, found,
                $"policy {status.PolicyRevision} does not select it ({found.Reason}), "
                + "and it permits taps of pods in scope only (tap: scope)");
        }

        // A request that came during the round is answered after the next one.
        return beside.FirstOrDefault(pod => pod.Pod.Uid == found.Pod.Uid) is { } asIf
            ? Of(asIf, null)
            : Without(TapVerdict.Waiting, found, "its links are not known yet");
    }

    /// <summary>Whether it says the same, though a later round has said it.</summary>
    public bool IsLike(TapDecision? other) => other is not null && Verdict == other.Verdict && Reason == other.Reason
        && Rule == other.Rule && Pod?.Uid == other.Pod?.Uid
        && Links.Select(match => match.Link.Generation).SequenceEqual(other.Links.Select(match => match.Link.Generation));

    private static TapDecision Of(PodCoverage pod, string? rule) => pod.State switch
    {
        PodState.Captured => new TapDecision(TapVerdict.Granted, null) { Pod = pod.Pod, Rule = rule, Links = pod.Links },
        PodState.Pending => Without(TapVerdict.Waiting, pod, pod.Reason),
        _ => Without(TapVerdict.Refused, pod, pod.Reason),
    };

    private static TapDecision Without(TapVerdict verdict, PodCoverage pod, string? reason) => new(verdict, reason) { Pod = pod.Pod };
}
