namespace HostAgent.Frames;

/// <summary>What a super-frame consists of.</summary>
public enum SegmentationKind : byte
{
    None,
    TcpV4,
    TcpV6,

    /// <summary>UDP datagrams of equal size, the last one possibly shorter (UDP_SEGMENT).</summary>
    Udp,

    /// <summary>A kind this agent does not know.</summary>
    Other,
}
