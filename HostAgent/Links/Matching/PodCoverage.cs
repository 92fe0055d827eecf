using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Links;

/// <summary>What the agent does about one pod of its node, and why.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Rule">The rule that selected it; null when <see cref="PodState.NotSelected"/>.</param>
/// <param name="State">The one state the pod is in.</param>
/// <param name="Reason">Why it is pending, unsupported or not selected, in words for an operator; null when captured.</param>
/// <param name="Links">Its links; empty unless captured.</param>
public sealed record PodCoverage(Pod Pod, MirrorRule? Rule, PodState State, string? Reason, ImmutableArray<LinkMatch> Links)
{
    /// <inheritdoc cref="Coverage.WithoutSensors"/>
    internal PodCoverage WithoutSensors(IReadOnlyCollection<int> links)
    {
        if (Links.FirstOrDefault(match => links.Contains(match.Link.Index)) is not { } sensor) return this;
        string reason = $"its link {sensor.Link.Name} is the sensor's own, which is never mirrored";
        if (Pod.Ips.Contains(sensor.Ip)) return new PodCoverage(Pod, null, PodState.NotSelected, reason, []);
        // By an annotated address only: a pod does not leave the scope by writing the sensor's there.
        ImmutableArray<LinkMatch> others = Links.RemoveAll(match => links.Contains(match.Link.Index));
        return others.IsEmpty
            ? this with { State = PodState.Pending, Reason = $"of its links only one is known: {reason}", Links = [] }
            : this with { Links = others };
    }
}
