namespace HostAgent.Policy;

/// <summary>Whose addresses the pod map holds.</summary>
public enum PodMapScope
{
    /// <summary>Those of this node's pods, which the agent watches anyway.</summary>
    Node,

    /// <summary>Those of all pods and services of the cluster, which takes a permission and a watch of its own.</summary>
    Cluster,
}
