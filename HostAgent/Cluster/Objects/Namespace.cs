using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>What the agent keeps of a Kubernetes namespace: its metadata.</summary>
public sealed record Namespace : IResource
{
    public required string Uid { get; init; }

    public required string Name { get; init; }

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>By content, as <see cref="Pod.Equals(Pod)"/>.</summary>
    public bool Equals(Namespace? other) =>
        other is not null && Uid == other.Uid && Name == other.Name && LabelSet.AreEqual(Labels, other.Labels);

    public override int GetHashCode() => Uid.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Name;
}
