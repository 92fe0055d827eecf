using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;

namespace HostAgent.Deciding;

/// <summary>What changed between two rounds, in words for an auditor: nothing is said that was not compared.</summary>
/// <param name="before">The outcome of the round before; null in the first.</param>
/// <param name="now">Of this one.</param>
/// <param name="namespacesBefore">The namespaces' labels, as the round before knew them.</param>
/// <param name="namespaces">As this one does.</param>
internal sealed class ScopeReasons(
    AgentStatus? before, AgentStatus now,
    IReadOnlyDictionary<string, ImmutableDictionary<string, string>> namespacesBefore,
    IReadOnlyDictionary<string, ImmutableDictionary<string, string>> namespaces)
{
    /// <summary>Why a pod is captured that was not.</summary>
    public string Added(PodCoverage? was, PodCoverage pod)
    {
        if (before is null) return "the agent begins to mirror";
        if (was is null) return "the pod has come";
        return was.Rule is null ? Causes(was, pod, was.Reason is null ? "" : $"before, {was.Reason}") : $"link found: before, {was.Reason}";
    }

    /// <summary>Why a pod is not captured that was.</summary>
    public string Removed(PodCoverage was, PodCoverage? pod)
    {
        if (pod is null) return "the pod has gone";
        if (pod.Pod.Finished) return "the pod has finished";
        return pod.Rule is null ? Causes(was, pod, pod.Reason ?? "") : $"link gone: {pod.Reason}";
    }

    /// <summary>What is different about a pod that is still captured; null when nothing is.</summary>
    public string? Changed(PodCoverage was, PodCoverage pod)
    {
        string[] differences =
            [.. RuleText.Differences(was.Rule!, pod.Rule!).Select(key => $"{key.Key} {key.Old} -> {key.New}")];
        string? why = differences.Length == 0 ? null : Causes(was, pod, string.Join(", ", differences));
        // Not by how it was found, and not by the name: the link is the same one.
        bool sameLinks = Identity(was).SetEquals(Identity(pod));
        string? links = sameLinks ? null : $"links {LinkNames(was)} -> {LinkNames(pod)}";
        return why is null ? links : links is null ? why : $"{why}, {links}";
    }

    public static string LinkNames(PodCoverage pod) => string.Join(",", pod.Links.Select(match => match.Link.Name));

    private static HashSet<(int Index, long Generation)> Identity(PodCoverage pod) =>
        [.. pod.Links.Select(match => (match.Link.Index, match.Link.Generation))];

    /// <summary>What was compared and differs, then the consequence.</summary>
    private string Causes(PodCoverage was, PodCoverage pod, string consequence)
    {
        var causes = new List<string>();
        if (before is not null && before.PolicyRevision != now.PolicyRevision)
            causes.Add($"policy {before.PolicyRevision} -> {now.PolicyRevision}");
        if (!LabelSet.AreEqual(was.Pod.Labels, pod.Pod.Labels)) causes.Add("the pod's labels changed");
        if (NamespaceDiffers(pod.Pod.Namespace)) causes.Add("the namespace's labels changed");
        string cause = string.Join(", ", causes);
        return cause.Length == 0 ? consequence : consequence.Length == 0 ? cause : $"{cause}: {consequence}";
    }

    private bool NamespaceDiffers(string name) =>
        namespacesBefore.TryGetValue(name, out ImmutableDictionary<string, string>? was)
            ? !namespaces.TryGetValue(name, out ImmutableDictionary<string, string>? labels) || !LabelSet.AreEqual(was, labels)
            : namespaces.ContainsKey(name);
}
