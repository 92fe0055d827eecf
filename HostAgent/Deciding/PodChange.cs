using System.Collections.Immutable;
using HostAgent.Cluster;

namespace HostAgent.Deciding;

/// <summary>What another policy means for one pod.</summary>
/// <param name="Change">Whether it comes into scope, leaves it, or is mirrored otherwise.</param>
/// <param name="Pod">The pod.</param>
/// <param name="Keys">The rule's name and keys that differ; null where the pod is not in scope.</param>
/// <param name="Reason">Why the new policy does not select it; null when it does.</param>
public sealed record PodChange(ScopeChange Change, Pod Pod, ImmutableArray<(string Key, string? Old, string? New)> Keys, string? Reason);
