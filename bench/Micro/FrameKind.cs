namespace HostAgent.Bench.Micro;

/// <summary>What a block is full of.</summary>
public enum FrameKind
{
    /// <summary>64 bytes of payload.</summary>
    SmallUdp,

    /// <summary>A full segment with an unfinished checksum.</summary>
    TcpSegment,

    /// <summary>45 segments in one, to be cut.</summary>
    SuperFrame,
}
