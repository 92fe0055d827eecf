namespace HostAgent.Frames;

/// <summary>TCP's header (RFC 9293, section 3.1): lengths and offsets in bytes, and its flags.</summary>
internal static unsafe class TcpHeader
{
    public const int MinLength = 20;
    public const int Sequence = 4;
    public const int DataOffset = 12;
    public const int Flags = 13;
    public const int Checksum = 16;

    public const byte Fin = 0x01;
    public const byte Syn = 0x02;
    public const byte Rst = 0x04;
    public const byte Psh = 0x08;
    public const byte Ack = 0x10;

    /// <summary>The flags that begin and end a connection.</summary>
    public const byte Ends = Syn | Fin | Rst;

    /// <summary>Congestion window reduced (RFC 3168).</summary>
    public const byte Cwr = 0x80;

    /// <summary>The length of the header; 0 where there is no sound one.</summary>
    /// <param name="frame">Holds it.</param>
    /// <param name="transport">Where it starts.</param>
    public static int LengthAt(in Frame frame, int transport)
    {
        if (transport + MinLength > frame.Length) return 0;
        int length = (frame.Start[transport + DataOffset] >> 4) * 4;
        return length >= MinLength && transport + length <= frame.Length ? length : 0;
    }
}
