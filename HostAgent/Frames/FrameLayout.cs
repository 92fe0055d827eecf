namespace HostAgent.Frames;

/// <summary>Where a frame's headers lie, and which flow it belongs to. Offsets are bytes from the frame's first byte.</summary>
internal struct FrameLayout
{
    /// <summary>The ethertype behind any VLAN tags, in the host's byte order.</summary>
    public ushort EtherType;

    /// <summary>The IPv4 or IPv6 header; 0 when the frame is not IP or its header is not sound.</summary>
    public int Network;

    /// <summary>The transport header; 0 when there is none in this frame.</summary>
    public int Transport;

    /// <summary>The protocol number (IANA) of the transport header.</summary>
    public byte Protocol;

    /// <summary>True for a part of a fragmented packet, the first included.</summary>
    public bool Fragment;

    /// <summary>The identification that all fragments of one packet share.</summary>
    public uint FragmentId;

    /// <summary>Equal for both directions of a flow, and for every fragment between two addresses.</summary>
    public uint FlowHash;

    /// <summary>TCP or UDP ports in the host's byte order; 0 when there are none.</summary>
    public ushort SourcePort;

    public ushort DestinationPort;
}
