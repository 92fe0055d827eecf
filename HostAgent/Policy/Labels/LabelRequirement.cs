using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>One requirement of a label selector; a matchLabels pair is <see cref="LabelOperator.In"/> with one value.</summary>
public sealed record LabelRequirement(string Key, LabelOperator Operator, ImmutableArray<string> Values)
{
    /// <summary>As Kubernetes defines it: NotIn and DoesNotExist also hold for an object without the key.</summary>
    public bool Matches(ImmutableDictionary<string, string> labels)
    {
        bool has = labels.TryGetValue(Key, out string? value);
        return Operator switch
        {
            LabelOperator.In => has && Values.Contains(value!),
            LabelOperator.NotIn => !has || !Values.Contains(value!),
            LabelOperator.Exists => has,
            _ => !has,
        };
    }
}
