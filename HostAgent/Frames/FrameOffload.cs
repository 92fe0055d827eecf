namespace HostAgent.Frames;

/// <summary>What segmentation and checksum offload left undone in a frame (struct virtio_net_hdr of linux/virtio_net.h).</summary>
public readonly record struct FrameOffload
{
    /// <summary>The checksum over <see cref="ChecksumStart"/> to the end is missing; its field holds the pseudo-header's sum.</summary>
    public bool NeedsChecksum { get; init; }

    /// <summary>What the frame is to be cut into.</summary>
    public SegmentationKind Segmentation { get; init; }

    /// <summary>Payload bytes of each segment, where <see cref="Segmentation"/> is not none.</summary>
    public ushort SegmentSize { get; init; }

    /// <summary>
    /// CWR is set, and belongs to the first segment only (VIRTIO_NET_HDR_GSO_ECN). Without it, as with AccECN, every segment has it.
    /// </summary>
    public bool CwrOnFirstOnly { get; init; }

    /// <summary>Bytes from the frame's first byte to the innermost transport header.</summary>
    public ushort ChecksumStart { get; init; }

    /// <summary>Bytes from <see cref="ChecksumStart"/> to the checksum field.</summary>
    public ushort ChecksumOffset { get; init; }
}
