namespace HostAgent.Accounts;

/// <summary>Why a frame that the kernel handed over did not reach the sensor. Each lost frame has exactly one reason.</summary>
public enum LossReason
{
    /// <summary>
    /// The kernel counted the frame (tp_drops) and kept nothing of it: the ring was full, or it has no words for what offload left undone
    /// in the frame (<see cref="LedgerSnapshot.UnknownOffload"/>).
    /// </summary>
    KernelRing,

    /// <summary>There was no sensor to send to.</summary>
    NoSensor,

    /// <summary>The kernel refused one of the frame's datagrams.</summary>
    SendError,

    /// <summary>It was captured before its link left the scope, or before the link's ifindex was given to another.</summary>
    OutOfScope,

    /// <summary>Its headers contradict each other or the offload metadata, so no valid segment can be made of it.</summary>
    Malformed,

    /// <summary>It would make a datagram over 65,507 bytes.</summary>
    Oversize,

    /// <summary>The ring block could not hold it whole.</summary>
    Truncated,

    /// <summary>It is one of the agent's own datagrams, flooded onto a captured link.</summary>
    OwnTunnel,

    /// <summary>It entered from another captured link of the same VNI and was delivered from there.</summary>
    Duplicate,

    /// <summary>Frames came faster than they could be sent, and the flow was one of those given up.</summary>
    Overload,

    /// <summary>
    /// It does not match the filter, and the kernel had accepted it: with a VLAN tag beside it, or for want of room for the filter. What
    /// the kernel rejects is not among the frames seen.
    /// </summary>
    Filter,

    /// <summary>Its flow is not in the sample that the policy asks for.</summary>
    Sample,

    /// <summary>Its flow is past the first bytes that the policy asks for.</summary>
    Slice,

    /// <summary>Its pod has more traffic than the policy asks for, and the flow was one of those refused.</summary>
    Rate,

    /// <summary>The sensor reads its stream more slowly than frames come, and the flow was one of those given up.</summary>
    SensorSlow,

    /// <summary>The agent itself failed while it had the frame; the log says how. Never expected.</summary>
    Fault,
}
