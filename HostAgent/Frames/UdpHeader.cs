namespace HostAgent.Frames;

/// <summary>UDP's header (RFC 768): lengths and offsets in bytes.</summary>
internal static class UdpHeader
{
    public const int Length = 8;
    public const int DatagramLength = 4;
    public const int Checksum = 6;

    /// <summary>The longest payload over IPv4 (65,535 - 20 - 8).</summary>
    public const int MaxPayload = 65_507;
}
