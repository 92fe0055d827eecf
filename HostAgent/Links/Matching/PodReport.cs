using System.Net;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Links;

/// <summary>What the outcome of one round of matching means for each pod, as a state and in words.</summary>
internal static class PodReport
{
    public static PodCoverage Cover(PodMemory memory, MirrorRule? rule, LinkGrants granted, SiblingLinks siblings)
    {
        Pod pod = memory.Pod;
        if (pod.Finished) return NotSelected($"it has finished ({pod.Phase}) and has no network any more");
        if (rule is null) return NotSelected("no rule of the policy selects it");
        if (pod.HostNetwork)
        {
            return Without(
                PodState.Unsupported,
                "it is on the host network, so its traffic cannot be told from the node's own; only with hostNetwork: false can it be "
                + "mirrored");
        }

        if (!memory.Ips.Any()) return Without(PodState.Pending, "it has no address yet");
        IReadOnlyList<LinkClaim> links = granted.Of(memory);
        if (links.Count == 0)
        {
            return Without(memory.IsHopeless ? PodState.Unsupported : PodState.Pending, Reasons(memory, memory.Ips.Distinct()));
        }

        var matches = memory.Ips.SelectMany(ip => links.Where(claim => claim.Ip.Equals(ip))).DistinctBy(claim => claim.Link.Index)
            .Select(claim => new LinkMatch(claim.Link, claim.Ip, claim.Choice.FoundBy));
        return new PodCoverage(pod, rule, PodState.Captured, null, [.. matches, .. siblings.Of(memory)]);

        PodCoverage NotSelected(string reason) => new(pod, null, PodState.NotSelected, reason, []);
        PodCoverage Without(PodState state, string reason) => new(pod, rule, state, reason, []);
    }

    /// <summary>
    /// Which interfaces of a captured pod are not mirrored, each kind with a sentence: a warning while something can be done about it, a
    /// note where the interface is of a kind that has no link on the host.
    /// </summary>
    public static IEnumerable<(string Text, bool IsNote)> NotMirrored(
        PodMemory pod, LinkGrants granted, SiblingLinks siblings, AddressOwners owners)
    {
        if (!pod.Pod.Ips.IsEmpty && !granted.ByOwn(pod))
        {
            yield return ($"pod {pod.Name}: only its further interface is mirrored, its own is not. {Reasons(pod, pod.Pod.Ips)}", false);
        }

        IPAddress[] further = [.. pod.Pod.SecondaryIps.Where(ip => granted.Of(pod, ip) is null)];
        if (further.Length == 0) yield break;
        // Which addresses a sibling has is not known.
        string unless = string.Join(" or ", siblings.Of(pod).Select(match => match.Link.Name));
        yield return (
            $"pod {pod.Name}: a further interface is not mirrored"
                + $"{(unless == "" ? "" : $", unless it is the one behind {unless}, which is")}. {Reasons(pod, further)}",
            further.All(ip => pod.Reasons[ip].IsFinal && owners.Before(ip, pod) is null));
    }

    private static string Reasons(PodMemory pod, IEnumerable<IPAddress> ips) => string.Join(". ", ips.Select(ip => pod.Reasons[ip].Text));
}
