using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>The pods and namespaces of one cluster file.</summary>
/// <param name="Revision">The first 12 hex digits of the file's SHA-256.</param>
/// <param name="Pods">Of one node.</param>
/// <param name="Namespaces">All of them.</param>
/// <param name="Elsewhere">How many pods other nodes have, by their names.</param>
internal sealed record ClusterContent(
    string Revision, ImmutableArray<Pod> Pods, ImmutableArray<Namespace> Namespaces, ImmutableSortedDictionary<string, int> Elsewhere);
