using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>
/// Kubernetes' meta/v1 LabelSelector: matchLabels and matchExpressions, all of which must hold. An empty one selects everything.
/// </summary>
public sealed record LabelSelector(ImmutableArray<LabelRequirement> Requirements)
{
    public static LabelSelector Everything { get; } = new(ImmutableArray<LabelRequirement>.Empty);

    public bool Matches(ImmutableDictionary<string, string> labels)
    {
        foreach (LabelRequirement requirement in Requirements)
        {
            if (!requirement.Matches(labels)) return false;
        }

        return true;
    }

    /// <summary>Whether every object that this one selects, whatever its labels, is selected by the other too.</summary>
    internal bool Implies(LabelSelector other) => new LabelSpace(this).IsWithin(new LabelSpace(other));
}
