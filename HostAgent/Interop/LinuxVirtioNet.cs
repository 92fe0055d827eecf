using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/virtio_net.h: the metadata that PACKET_VNET_HDR puts before a frame, in the host's byte order.</summary>
internal static class LinuxVirtioNet
{
    /// <summary>
    /// The checksum over csum_start.. is to be completed at csum_start + csum_offset, where the pseudo-header's sum stands.
    /// </summary>
    public const byte VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;

    public const byte VIRTIO_NET_HDR_GSO_NONE = 0;
    public const byte VIRTIO_NET_HDR_GSO_TCPV4 = 1;
    public const byte VIRTIO_NET_HDR_GSO_TCPV6 = 4;
    public const byte VIRTIO_NET_HDR_GSO_UDP_L4 = 5;

    /// <summary>A flag beside the type: CWR is set, on the first segment only.</summary>
    public const byte VIRTIO_NET_HDR_GSO_ECN = 0x80;

    [StructLayout(LayoutKind.Sequential)]
    public struct virtio_net_hdr
    {
        public byte flags;
        public byte gso_type;
        public ushort hdr_len;

        /// <summary>Payload bytes of each segment.</summary>
        public ushort gso_size;

        /// <summary>Bytes from the frame's first byte.</summary>
        public ushort csum_start;

        /// <summary>Bytes from csum_start.</summary>
        public ushort csum_offset;
    }
}
