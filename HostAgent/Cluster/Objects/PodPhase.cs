namespace HostAgent.Cluster;

/// <summary>status.phase of a pod (core/v1 PodPhase).</summary>
public enum PodPhase
{
    Unknown,
    Pending,
    Running,
    Succeeded,
    Failed,
}
