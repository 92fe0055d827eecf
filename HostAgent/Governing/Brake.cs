namespace HostAgent.Governing;

/// <summary>What makes the governor step down.</summary>
public enum Brake
{
    /// <summary>The agent uses more CPU than its budget.</summary>
    Cpu,

    /// <summary>The kernel stops the agent at its cgroup's quota in too many periods.</summary>
    Throttled,

    /// <summary>Tasks of the node wait for a CPU, while the agent uses much of it (PSI).</summary>
    NodePressure,

    /// <summary>The node's CPUs drop received packets of all kinds, while the agent uses much of them.</summary>
    SoftnetDrops,

    /// <summary>The capture ring overflows.</summary>
    RingLosses,
}
