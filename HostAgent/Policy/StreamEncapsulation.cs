namespace HostAgent.Policy;

/// <summary>What is around each frame of a stream.</summary>
public enum StreamEncapsulation
{
    /// <summary>Nothing: a record holds the frame as it was on the pod's link.</summary>
    None,

    /// <summary>The outer headers that a sniffing sensor sees, so that its VXLAN configuration and the VNIs stay what they are.</summary>
    Vxlan,
}
