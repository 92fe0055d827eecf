namespace HostAgent.Policy;

/// <summary>One rule of the policy; the first that matches a pod decides.</summary>
/// <param name="Name">Unique within the policy; named in status and logs.</param>
/// <param name="NamespaceSelector">Over the labels of the pod's namespace.</param>
/// <param name="PodSelector">Over the pod's own labels; selects every pod when the policy gives none.</param>
/// <param name="Vni">VXLAN network identifier of frames of pods that this rule selects, 0 to 2^24-1.</param>
public sealed record MirrorRule(string Name, LabelSelector NamespaceSelector, LabelSelector PodSelector, uint Vni)
{
    public RuleTraffic Traffic { get; init; } = RuleTraffic.All;
}
