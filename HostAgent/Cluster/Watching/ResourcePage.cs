using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>One page of a list.</summary>
/// <param name="Items">The objects of this page.</param>
/// <param name="ResourceVersion">metadata.resourceVersion of the list: where a watch may start once all pages are read.</param>
/// <param name="Continue">metadata.continue; null on the last page.</param>
public sealed record ResourcePage<T>(ImmutableArray<T> Items, string ResourceVersion, string? Continue);
