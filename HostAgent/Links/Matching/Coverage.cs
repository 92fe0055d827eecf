using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Links;

/// <summary>What the agent does about every pod of its node.</summary>
/// <param name="Pods">Each pod once, ordered by namespace and name.</param>
/// <param name="Warnings">What the lookups did not agree on, and addresses and links that two pods claim; each a sentence for an
/// operator.</param>
/// <param name="Unclaimed">Links that look like pods' and are no pod's yet.</param>
/// <param name="Sought">
/// Addresses whose link is missing and may be found. Of a pod these are its own addresses while none of them has a link, and its annotated
/// ones without a link. Own addresses come before annotated ones, since tenants write annotations. Within each kind, pods in scope and
/// sensors come first. Empty while no pod in scope and no sensor misses a link.
/// </param>
/// <param name="RecheckAfter">When time alone will change the answer: after how long to match again. Null when only news can.</param>
public sealed record Coverage(
    ImmutableArray<PodCoverage> Pods, ImmutableArray<string> Warnings, ImmutableArray<Link> Unclaimed, ImmutableArray<IPAddress> Sought,
    TimeSpan? RecheckAfter)
{
    public static Coverage Empty { get; } = new([], [], [], [], null);

    /// <summary>What is good to know and asks for nothing, each a sentence.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Pods that somebody asks for although no rule selects them, as if one did.</summary>
    public ImmutableArray<PodCoverage> Beside { get; init; } = [];

    /// <summary>
    /// The same without the sensors' links: they are never captured, whatever the rules say, and no pod's that is sought.
    /// </summary>
    /// <param name="links">Their ifindexes.</param>
    public Coverage WithoutSensors(IReadOnlyCollection<int> links) => this with
    {
        Pods = [.. Pods.Select(pod => pod.WithoutSensors(links))],
        Beside = [.. Beside.Select(pod => pod.WithoutSensors(links))],
        Unclaimed = Unclaimed.RemoveAll(link => links.Contains(link.Index)),
    };
}
