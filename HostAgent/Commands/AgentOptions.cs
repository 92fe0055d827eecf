using System.Collections.Immutable;
using System.Net;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Filters;

namespace HostAgent.Commands;

/// <summary>The process's own options, from the command line and the environment; what to mirror is in the policy file.</summary>
/// <param name="PolicyFile">The path of the policy file.</param>
/// <param name="ClusterFile">The path of a file with pods and namespaces; null to ask the API server.</param>
/// <param name="Kubeconfig">How to reach the API server from outside a cluster; null for a pod's own service account.</param>
/// <param name="NodeName">Only the pods of this node count.</param>
/// <param name="Listen">Where /metrics, the probes and /status are served; a port of 0 lets the kernel choose.</param>
public sealed record AgentOptions(
    string PolicyFile, string? ClusterFile, string? Kubeconfig, string NodeName, ImmutableArray<IPEndPoint> Listen)
{
    /// <summary>The path of the policy file with which <c>check</c> compares; null for none.</summary>
    public string? Against { get; init; }

    /// <summary>Whether an agent that runs on this node is waited for, rather than being a reason to end.</summary>
    public bool Standby { get; init; }

    /// <summary>How who is not this host gets to what is served; null where only loopback addresses are listened on.</summary>
    public NetworkOptions? Network { get; init; }

    /// <summary>The agent's own pod, in whose name Kubernetes Events are written; null where none are.</summary>
    public PodName? Events { get; init; }

    /// <summary>How frames are captured.</summary>
    public CaptureBackend Capture { get; init; }

    /// <summary>Which frames of the pods in scope are mirrored; null for all.</summary>
    public FrameFilter? Filter { get; init; }
}
