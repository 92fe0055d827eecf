using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Cluster;

/// <summary>What the agent keeps of a Kubernetes pod (core/v1); everything else is dropped while parsing.</summary>
public sealed record Pod : IResource
{
    /// <summary>metadata.uid; the identity of a pod. A static pod's is that of its mirror pod.</summary>
    public required string Uid { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary>spec.nodeName; empty while the pod is not scheduled.</summary>
    public string NodeName { get; init; } = "";

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>status.podIPs in their order (status.podIP where podIPs is absent); empty until the sandbox has its network.</summary>
    public ImmutableArray<IPAddress> Ips { get; init; } = [];

    /// <summary>
    /// Addresses of further interfaces, from the annotation k8s.v1.cni.cncf.io/network-status (Multus), without those of <see cref="Ips"/>.
    /// Whoever may edit the pod can write there what he likes, so they are believed less.
    /// </summary>
    public ImmutableArray<IPAddress> SecondaryIps { get; init; } = [];

    /// <summary>status.hostIP: the node's address; null until the kubelet has reported it.</summary>
    public IPAddress? HostIp { get; init; }

    /// <summary>status.startTime: when the kubelet took the pod on, before it had an address; null until it has reported it.</summary>
    public DateTimeOffset? StartTime { get; init; }

    public bool HostNetwork { get; init; }

    public PodPhase Phase { get; init; } = PodPhase.Unknown;

    /// <summary>True when the condition of type Ready has status True.</summary>
    public bool Ready { get; init; }

    /// <summary>True once metadata.deletionTimestamp is set.</summary>
    public bool Terminating { get; init; }

    /// <summary>A finished pod keeps its IP in the API although the node may have given it to another pod.</summary>
    public bool Finished => Phase is PodPhase.Succeeded or PodPhase.Failed;

    /// <summary>By content, so that an event that changes nothing the agent keeps is seen to change nothing.</summary>
    public bool Equals(Pod? other) =>
        other is not null
        && Uid == other.Uid && Namespace == other.Namespace && Name == other.Name && NodeName == other.NodeName
        && Equals(HostIp, other.HostIp) && StartTime == other.StartTime
        && HostNetwork == other.HostNetwork && Phase == other.Phase && Ready == other.Ready && Terminating == other.Terminating
        && Ips.AsSpan().SequenceEqual(other.Ips.AsSpan()) && SecondaryIps.AsSpan().SequenceEqual(other.SecondaryIps.AsSpan())
        && LabelSet.AreEqual(Labels, other.Labels);

    public override int GetHashCode() => Uid.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => $"{Namespace}/{Name}";
}
