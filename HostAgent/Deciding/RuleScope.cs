using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Deciding;

/// <summary>What one rule of a policy means on this node.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Pods">Whom it selects, captured or not.</param>
/// <param name="Shadowed">Whom it would select if no rule came before it, by the rule that does.</param>
/// <param name="Rate">An estimate of what it mirrors: what passes on its pods' links, times its sample.</param>
public sealed record RuleScope(
    MirrorRule Rule, ImmutableArray<Pod> Pods, ImmutableArray<(MirrorRule By, ImmutableArray<Pod> Pods)> Shadowed, TrafficRate Rate);
