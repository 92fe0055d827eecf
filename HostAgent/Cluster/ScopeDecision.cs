using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>What the policy says about one pod.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Rule">The first rule that matches; null when the pod is not in scope.</param>
/// <param name="Reason">Why it is not in scope, in words for an operator; null when it is.</param>
public sealed record ScopeDecision(Pod Pod, MirrorRule? Rule, string? Reason);
