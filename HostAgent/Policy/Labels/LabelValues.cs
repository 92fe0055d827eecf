using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>A set of what one label may be: values, and its absence. There are more label values than any policy can name.</summary>
/// <param name="Absent">Whether an object without the label is in the set.</param>
/// <param name="AllBut">Whether every value but <paramref name="Named"/> is in the set, rather than only those.</param>
/// <param name="Named">The values that were written.</param>
internal sealed record LabelValues(bool Absent, bool AllBut, ImmutableHashSet<string> Named)
{
    /// <summary>What a selector that does not name the label allows.</summary>
    public static LabelValues Any { get; } = new(true, true, []);

    public bool IsEmpty => !Absent && !AllBut && Named.IsEmpty;

    public static LabelValues Of(LabelRequirement requirement) => requirement.Operator switch
    {
        LabelOperator.In => new LabelValues(false, false, [.. requirement.Values]),
        LabelOperator.NotIn => new LabelValues(true, true, [.. requirement.Values]),
        LabelOperator.Exists => new LabelValues(false, true, []),
        _ => new LabelValues(true, false, []),
    };

    /// <summary>What is in both.</summary>
    public LabelValues And(LabelValues other) => new(Absent && other.Absent, AllBut && other.AllBut, (AllBut, other.AllBut) switch
    {
        (true, true) => Named.Union(other.Named),
        (true, false) => other.Named.Except(Named),
        (false, true) => Named.Except(other.Named),
        _ => Named.Intersect(other.Named),
    });

    /// <summary>Whether all of it is in the other, too.</summary>
    public bool IsWithin(LabelValues other) => (!Absent || other.Absent) && (AllBut, other.AllBut) switch
    {
        (true, true) => other.Named.Count <= Named.Count && other.Named.All(Named.Contains),
        (true, false) => false,
        (false, true) => !Named.Any(other.Named.Contains),
        _ => Named.Count <= other.Named.Count && Named.All(other.Named.Contains),
    };
}
