using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>The cluster file cannot be used; <see cref="Exception.Message"/> has one line for each error.</summary>
public sealed class ClusterFileException(string file, ImmutableArray<string> errors)
    : Exception(string.Join('\n', errors.Select(error => $"{file}: {error}")));
