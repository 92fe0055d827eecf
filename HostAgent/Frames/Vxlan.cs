namespace HostAgent.Frames;

/// <summary>The header of RFC 7348, section 5: flags, 24 reserved bits, VNI, 8 reserved bits; in network byte order.</summary>
internal static unsafe class Vxlan
{
    /// <summary>Its bytes.</summary>
    public const int HeaderLength = 8;

    /// <summary>
    /// The first four bytes: the I flag, which says that the VNI is valid, and nothing else. Some sensors reject any other.
    /// </summary>
    public const uint VniPresent = 0x08u << 24;

    /// <summary>Writes it.</summary>
    /// <param name="at">Room for <see cref="HeaderLength"/> bytes.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    public static void Write(byte* at, uint vni)
    {
        BigEndian.Write32(at, VniPresent);
        BigEndian.Write32(at + 4, vni << 8);
    }
}
