using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>
/// linux/if_packet.h: packet sockets and their memory-mapped rings (packet(7), Documentation/networking/packet_mmap.rst).
/// </summary>
internal static class LinuxIfPacket
{
    public const int PACKET_RX_RING = 5;
    public const int PACKET_STATISTICS = 6;
    public const int PACKET_VERSION = 10;
    public const int PACKET_VNET_HDR = 15;
    public const int PACKET_FANOUT = 18;
    public const int PACKET_QDISC_BYPASS = 20;

    public const int PACKET_FANOUT_HASH = 0;
    public const int PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;

    public const int TPACKET_V3 = 2;

    public const uint TP_STATUS_KERNEL = 0;

    /// <summary>Of a block: retired. Of a frame: written whole.</summary>
    public const uint TP_STATUS_USER = 1;

    public const uint TP_STATUS_VLAN_VALID = 1 << 4;
    public const uint TP_STATUS_VLAN_TPID_VALID = 1 << 6;

    /// <summary>sll_pkttype of a frame that this host sends, here: towards the pod.</summary>
    public const byte PACKET_OUTGOING = 4;

    /// <summary>Where a frame's sockaddr_ll lies after its tpacket3_hdr: TPACKET_ALIGN(sizeof(struct tpacket3_hdr)).</summary>
    public const int SockaddrOffset = 48;

    [StructLayout(LayoutKind.Sequential)]
    public struct tpacket_req3
    {
        public uint tp_block_size;
        public uint tp_block_nr;
        public uint tp_frame_size;
        public uint tp_frame_nr;

        /// <summary>Milliseconds after which a block is handed over although it is not full.</summary>
        public uint tp_retire_blk_tov;
        public uint tp_sizeof_priv;
        public uint tp_feature_req_word;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tpacket_stats_v3
    {
        /// <summary>Frames that passed the filter since the last reading, <see cref="tp_drops"/> included.</summary>
        public uint tp_packets;

        /// <summary>Frames for which the ring had no room, and those whose offload virtio_net_hdr cannot describe.</summary>
        public uint tp_drops;

        /// <summary>How often the next block was not free.</summary>
        public uint tp_freeze_q_cnt;
    }

    /// <summary>struct tpacket_block_desc with its hdr.bh1.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct tpacket_block_desc
    {
        public uint version;
        public uint offset_to_priv;
        public uint block_status;
        public uint num_pkts;
        public uint offset_to_first_pkt;
        public uint blk_len;
        public ulong seq_num;
        public uint ts_first_sec;
        public uint ts_first_nsec;
        public uint ts_last_sec;
        public uint ts_last_nsec;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tpacket3_hdr
    {
        /// <summary>Bytes from this header to the next one.</summary>
        public uint tp_next_offset;
        public uint tp_sec;
        public uint tp_nsec;

        /// <summary>Bytes that are in the ring.</summary>
        public uint tp_snaplen;

        /// <summary>Bytes that the frame had.</summary>
        public uint tp_len;
        public uint tp_status;

        /// <summary>Bytes from this header to the link-layer header.</summary>
        public ushort tp_mac;
        public ushort tp_net;
        public uint tp_rxhash;
        public uint tp_vlan_tci;
        public ushort tp_vlan_tpid;
        public ushort tp_padding0;
        public ulong tp_padding;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct sockaddr_ll
    {
        public ushort sll_family;

        /// <summary>Big-endian ethertype.</summary>
        public ushort sll_protocol;
        public int sll_ifindex;
        public ushort sll_hatype;
        public byte sll_pkttype;
        public byte sll_halen;
        public fixed byte sll_addr[8];
    }
}
