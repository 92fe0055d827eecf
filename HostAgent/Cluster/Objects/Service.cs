using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Cluster;

/// <summary>What the agent keeps of a Kubernetes service (core/v1), for the pod map.</summary>
public sealed record Service : IResource
{
    public required string Uid { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>spec.clusterIPs (spec.clusterIP where it is absent), without "None".</summary>
    public ImmutableArray<IPAddress> ClusterIps { get; init; } = [];

    /// <summary>By content, as <see cref="Pod.Equals(Pod)"/>.</summary>
    public bool Equals(Service? other) =>
        other is not null && Uid == other.Uid && Namespace == other.Namespace && Name == other.Name
        && ClusterIps.AsSpan().SequenceEqual(other.ClusterIps.AsSpan()) && LabelSet.AreEqual(Labels, other.Labels);

    public override int GetHashCode() => Uid.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => $"{Namespace}/{Name}";
}
