using System.Net.Sockets;

namespace HostAgent.Frames;

/// <summary>The header of RFC 7348, section 5: flags, 24 reserved bits, VNI, 8 reserved bits; in network byte order.</summary>
internal static unsafe class Vxlan
{
    /// <summary>The UDP destination port that IANA has assigned.</summary>
    public const ushort Port = 4789;

    /// <summary>Its bytes.</summary>
    public const int HeaderLength = 8;

    /// <summary>The longest frame that a UDP datagram carries behind this header, in bytes.</summary>
    public const int LongestInnerFrame = UdpHeader.MaxPayload - HeaderLength;

    /// <summary>
    /// The first four bytes: the I flag, which says that the VNI is valid, and nothing else. Some sensors reject any other.
    /// </summary>
    public const uint VniPresent = 0x08u << 24;

    /// <summary>Bytes from the outer IP header to the inner frame.</summary>
    public static int Overhead(AddressFamily outer) => IpHeader.Length(outer) + UdpHeader.Length + HeaderLength;

    /// <summary>The longest frame that reaches the other end in one piece, in bytes.</summary>
    /// <param name="outer">The outer header's family.</param>
    /// <param name="mtu">Of the link there.</param>
    public static int MaxInnerFrame(AddressFamily outer, int mtu) => Math.Min(mtu - Overhead(outer), LongestInnerFrame);

    /// <summary>Writes it.</summary>
    /// <param name="at">Room for <see cref="HeaderLength"/> bytes.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    public static void Write(byte* at, uint vni)
    {
        BigEndian.Write32(at, VniPresent);
        BigEndian.Write32(at + 4, vni << 8);
    }
}
