using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>What a cluster file says, or everything that is wrong with it.</summary>
/// <param name="Content">Null exactly when there are errors.</param>
/// <param name="Errors">In the order of the file, each with its line where it has one; empty when it is good.</param>
internal sealed record ClusterResult(ClusterContent? Content, ImmutableArray<string> Errors);
