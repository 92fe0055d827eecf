using System.Net;

namespace HostAgent.Lab;

/// <summary>A pod for a cluster file: running and ready.</summary>
/// <param name="Namespace">
/// Its Kubernetes namespace. That is labelled mirror: "on", unless it is one of the two that <see cref="AgentFiles"/> names.
/// </param>
/// <param name="Name">The pod's name.</param>
/// <param name="Uid">The pod's uid.</param>
/// <param name="Ips">The pod's addresses, the first one first.</param>
internal sealed record ClusterPod(string Namespace, string Name, string Uid, params IReadOnlyList<IPAddress> Ips)
{
    public ClusterPod(string @namespace, PodNetwork pod)
        : this(@namespace, pod.Name, $"{pod.Name}-{pod.HostIndex}", pod.Ipv6 is null ? [pod.Ipv4] : [pod.Ipv4, pod.Ipv6])
    {
    }
}
