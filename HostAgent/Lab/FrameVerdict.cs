namespace HostAgent.Lab;

/// <summary>What the receiver finds of a frame.</summary>
internal enum FrameVerdict
{
    Right,

    /// <summary>An IP, TCP, UDP or ICMP checksum is wrong.</summary>
    BadChecksum,

    /// <summary>Its lengths contradict each other.</summary>
    Malformed,
}
