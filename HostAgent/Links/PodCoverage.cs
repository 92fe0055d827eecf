using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Configuration;

namespace HostAgent.Links;

/// <summary>What the agent does about one pod of its node, and why.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Rule">The rule that selected it; null when <see cref="PodState.NotSelected"/>.</param>
/// <param name="State">The one state the pod is in.</param>
/// <param name="Reason">Why it is pending, unsupported or not selected, in words for an operator; null when captured.</param>
/// <param name="Links">Its links; empty unless captured.</param>
public sealed record PodCoverage(Pod Pod, MirrorRule? Rule, PodState State, string? Reason, ImmutableArray<LinkMatch> Links);
