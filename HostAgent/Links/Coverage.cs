using System.Collections.Immutable;

namespace HostAgent.Links;

/// <summary>What the agent does about every pod of its node.</summary>
/// <param name="Pods">Each pod once, ordered by namespace and name.</param>
/// <param name="Warnings">What the lookups did not agree on, and addresses and links that two pods claim; each a sentence for an
/// operator.</param>
/// <param name="RecheckAfter">When time alone will change the answer: after how long to match again. Null when only news can.</param>
public sealed record Coverage(ImmutableArray<PodCoverage> Pods, ImmutableArray<string> Warnings, TimeSpan? RecheckAfter)
{
    public static Coverage Empty { get; } = new([], [], null);
}
