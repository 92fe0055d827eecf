using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.LinuxVirtioNet;

namespace HostAgent.Capture;

/// <summary>One block of a TPACKET_V3 ring, as the kernel retired it; disposing gives it back to the kernel.</summary>
internal sealed unsafe class RingBlock(byte* memory, RingCapture owner) : FrameBlock
{
    private byte* _next;
    private int _left;
    private int _count;

    private tpacket_block_desc* Descriptor => (tpacket_block_desc*)memory;

    public override int Count => _count;

    /// <summary>True when the kernel has retired the block. Acquires: what the kernel wrote before is visible after.</summary>
    public bool Retired => (Volatile.Read(ref Descriptor->block_status) & TP_STATUS_USER) != 0;

    /// <summary>Starts reading a retired block from its first frame.</summary>
    public void Take()
    {
        _count = _left = (int)Descriptor->num_pkts;
        _next = memory + Descriptor->offset_to_first_pkt;
    }

    public override bool TryRead(out Frame frame)
    {
        byte* at;
        tpacket3_hdr* header;
        do
        {
            if (_left == 0)
            {
                frame = default;
                return false;
            }

            _left--;
            at = _next;
            header = (tpacket3_hdr*)at;
            _next = at + header->tp_next_offset;
        }
        while (IsEmpty(header));

        var address = (sockaddr_ll*)(at + SockaddrOffset);
        uint status = header->tp_status;
        frame.Start = at + header->tp_mac;
        frame.Length = (int)header->tp_snaplen;
        // Everything between the start of the frame's own header and the frame has been read by the time this method returns.
        frame.Headroom = header->tp_mac;
        frame.LinkIndex = address->sll_ifindex;
        frame.ToPod = address->sll_pkttype == PACKET_OUTGOING;
        frame.Missing = (int)(header->tp_len - header->tp_snaplen);
        // A block that has no room for a frame of this length does not cut it so short.
        frame.HeadOnly = frame.Missing > 0 && frame.Length <= FlowPart.HeadBytes;
        frame.Unseen = frame.Missing > 0 && frame.Length < FlowPart.HeadBytes ? FlowPartFilter.FramesPerHead - 1 : 0;
        frame.Timestamp = (header->tp_sec * 1_000_000_000L) + header->tp_nsec;
        frame.VlanTag = (status & TP_STATUS_VLAN_VALID) == 0 ? 0
            : ((status & TP_STATUS_VLAN_TPID_VALID) != 0 ? (uint)header->tp_vlan_tpid << 16 : 0x8100u << 16) | (ushort)header->tp_vlan_tci;
        frame.Offload = Read((virtio_net_hdr*)(frame.Start - sizeof(virtio_net_hdr)));
        return true;
    }

    public override void Dispose()
    {
        Volatile.Write(ref Descriptor->block_status, TP_STATUS_KERNEL);
        owner.Released();
    }

    /// <summary>
    /// A place that the kernel had taken for a frame before virtio_net_hdr_from_skb() refused its kind of segmentation (SCTP; UDP before
    /// Linux 6.2): tpacket_rcv() counts it as dropped, and of its header only the offset of the next one and the status are written. The
    /// rest, addresses and lengths included, is whatever lay there before.
    /// </summary>
    private bool IsEmpty(tpacket3_hdr* header)
    {
        if ((header->tp_status & TP_STATUS_USER) != 0) return false;
        owner.UnknownOffload();
        return true;
    }

    private static FrameOffload Read(virtio_net_hdr* header) => new()
    {
        NeedsChecksum = (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
        Segmentation = (byte)(header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) switch
        {
            VIRTIO_NET_HDR_GSO_NONE => SegmentationKind.None,
            VIRTIO_NET_HDR_GSO_TCPV4 => SegmentationKind.TcpV4,
            VIRTIO_NET_HDR_GSO_TCPV6 => SegmentationKind.TcpV6,
            VIRTIO_NET_HDR_GSO_UDP_L4 => SegmentationKind.Udp,
            _ => SegmentationKind.Other,
        },
        SegmentSize = header->gso_size,
        CwrOnFirstOnly = (header->gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0,
        ChecksumStart = header->csum_start,
        ChecksumOffset = header->csum_offset,
    };
}
