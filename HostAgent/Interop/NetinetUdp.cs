using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/udp.h: UDP generic segmentation offload (udp(7), UDP_SEGMENT).</summary>
internal static class NetinetUdp
{
    /// <summary>Half of what current kernels take (UDP_MAX_SEGMENTS was 64 before 6.9).</summary>
    public const int MaxSegments = 64;

    /// <summary>All datagrams of one message together must fit an IP packet of 65,535 bytes with its headers.</summary>
    public const int MaxSegmentedBytes = 65_487;

    public const int SOL_UDP = 17;

    /// <summary>Lets a socket receive several equal datagrams as one message; their size comes as a control message of this type.</summary>
    public const int UDP_GRO = 104;

    private const int UDP_SEGMENT = 103;

    /// <summary>A struct cmsghdr with its payload, the size of each datagram; padded as CMSG_SPACE does.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    public readonly struct SegmentControl(ushort datagramLength)
    {
        private readonly nuint _length = 18; // CMSG_LEN(sizeof(__u16))
        private readonly int _level = SOL_UDP;
        private readonly int _type = UDP_SEGMENT;
        private readonly ushort _size = datagramLength;
    }
}
