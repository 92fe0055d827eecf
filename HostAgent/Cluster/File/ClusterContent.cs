using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>The pods and namespaces of one cluster file.</summary>
/// <param name="Revision">The first 12 hex digits of the file's SHA-256.</param>
/// <param name="Pods">Of one node.</param>
/// <param name="Namespaces">All of them.</param>
/// <param name="Others">The pods of other nodes.</param>
/// <param name="Services">All of them.</param>
internal sealed record ClusterContent(
    string Revision, ImmutableArray<Pod> Pods, ImmutableArray<Namespace> Namespaces, ImmutableArray<Pod> Others,
    ImmutableArray<Service> Services);
