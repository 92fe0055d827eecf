using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>What the agent keeps of a Kubernetes namespace: its metadata.</summary>
public sealed record Namespace
{
    public required string Uid { get; init; }

    public required string Name { get; init; }

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;
}
