using System.Runtime.CompilerServices;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Frames;

/// <summary>
/// A frame that offload left uncut, and the headers of each segment it is to be cut into, as the kernel's own GSO writes them
/// (tcp_gso_segment, __udp_gso_segment, inet_gso_segment, ipv6_gso_segment).
/// </summary>
internal unsafe struct SuperFrame
{
    private byte* _frame;
    private int _transport;
    private byte _protocol;
    private uint _sequence;
    private bool _cwrOnFirstOnly;
    private ulong _pseudoSum;
    private HeaderChain _chain;

    /// <summary>True for datagrams, false for TCP.</summary>
    public readonly bool IsUdp => _protocol == IPPROTO_UDP;

    private readonly int ChecksumOffset => IsUdp ? UdpHeader.Checksum : TcpHeader.Checksum;

    /// <summary>Bytes that each segment repeats.</summary>
    public int HeaderLength { get; private set; }

    public int PayloadLength { get; private set; }

    public readonly byte* Payload => _frame + HeaderLength;

    /// <summary>False when the headers contradict each other or what the kernel said about the frame.</summary>
    public static bool TryRead(in Frame frame, in FrameLayout layout, out SuperFrame super)
    {
        super = default;
        FrameOffload offload = frame.Offload;
        if (offload.Segmentation == SegmentationKind.Other || offload.SegmentSize == 0 || layout.Network == 0 || layout.Fragment)
            return false;
        super._frame = frame.Start;
        super._protocol = offload.Segmentation == SegmentationKind.Udp ? IPPROTO_UDP : IPPROTO_TCP;
        // Without a checksum to finish the kernel names no transport header: then it is the first one.
        super._transport = offload.NeedsChecksum ? offload.ChecksumStart : layout.Transport;
        if (super._transport <= layout.Network || super._transport + UdpHeader.Length > frame.Length) return false;
        int length = super.IsUdp ? UdpHeader.Length : TcpHeader.LengthAt(frame, super._transport);
        super.HeaderLength = super._transport + length;
        super.PayloadLength = frame.Length - super.HeaderLength;
        if (length == 0 || super.PayloadLength <= 0) return false;
        super._cwrOnFirstOnly = offload.CwrOnFirstOnly;
        super._sequence = super.IsUdp ? 0 : BigEndian.Read32(frame.Start + super._transport + TcpHeader.Sequence);
        if (!HeaderChain.TryFollow(frame.Start, layout.Network, super._transport, super._protocol, out super._chain)) return false;
        super._pseudoSum = offload.NeedsChecksum
            ? super.ReadPseudoSum()
            : AddressSum(frame.Start, super._chain[super._chain.Count - 1], super._protocol);
        return true;
    }

    /// <summary>TCP's flags of one segment: FIN and PSH belong to the last one, CWR as a rule to the first.</summary>
    public static byte SegmentFlags(byte flags, bool first, bool last, bool cwrOnFirstOnly)
    {
        if (!last) flags &= unchecked((byte)~(TcpHeader.Fin | TcpHeader.Psh));
        if (!first && cwrOnFirstOnly) flags &= unchecked((byte)~TcpHeader.Cwr);
        return flags;
    }

    /// <summary>Writes the headers of one segment.</summary>
    /// <param name="at">Room for <see cref="HeaderLength"/> bytes.</param>
    /// <param name="index">
    /// Its number, from 0; of several that stay together that of the first, as joining them (GRO) would have it.
    /// </param>
    /// <param name="offset">Where its payload starts within <see cref="Payload"/>.</param>
    /// <param name="length">Bytes of its payload.</param>
    /// <returns>
    /// The sum of the whole segment, as <see cref="InternetChecksum.Add"/> would have it: a right checksum makes a constant of all that it
    /// covers, so the payload need not be summed again for a tunnel's own (Documentation/networking/checksum-offloads.rst, LCO).
    /// </returns>
    public readonly ulong WriteHeaders(byte* at, int index, int offset, int length)
    {
        Unsafe.CopyBlockUnaligned(at, _frame, (uint)HeaderLength);
        byte* transport = at + _transport;
        if (IsUdp)
        {
            BigEndian.Write16(transport + UdpHeader.DatagramLength, HeaderLength - _transport + length);
        }
        else
        {
            BigEndian.Write32(transport + TcpHeader.Sequence, _sequence + (uint)offset);
            byte* flags = transport + TcpHeader.Flags;
            *flags = SegmentFlags(*flags, index == 0, offset + length >= PayloadLength, _cwrOnFirstOnly);
        }

        WriteChecksum(at, _pseudoSum, _transport, transport + ChecksumOffset, _protocol, offset, length);
        // From the inside out: a tunnel's UDP checksum covers what the inner headers have become.
        for (int i = _chain.Count - 1; i >= 0; i--)
        {
            (HeaderKind kind, int start) = _chain[i];
            byte* header = at + start;
            int bytes = HeaderLength - start + length;
            switch (kind)
            {
                case HeaderKind.IPv4:
                    BigEndian.Write16(header + 2, bytes);
                    BigEndian.Write16(header + 4, BigEndian.Read16(header + 4) + index);
                    BigEndian.Write16(header + 10, 0);
                    Unsafe.WriteUnaligned(header + 10, InternetChecksum.Fold(InternetChecksum.Add(0, header, (header[0] & 0x0F) * 4)));
                    break;
                case HeaderKind.IPv6:
                    BigEndian.Write16(header + 4, bytes - IpHeader.IPv6Length);
                    break;
                default:
                    BigEndian.Write16(header + UdpHeader.DatagramLength, bytes);
                    if (BigEndian.Read16(header + UdpHeader.Checksum) == 0) break;
                    WriteChecksum(
                        at, AddressSum(at, _chain[i - 1], IPPROTO_UDP), start, header + UdpHeader.Checksum,
                        IPPROTO_UDP, offset, length);
                    break;
            }
        }

        ulong covered = InternetChecksum.Fold(_pseudoSum + InternetChecksum.Word(HeaderLength - _transport + length));
        return InternetChecksum.Add(covered, at, _transport);
    }

    /// <summary>
    /// The pseudo-header's sum but for the length, as the checksum field has it. Its addresses need not be those of the IP header: behind a
    /// routing header the destination is the last one (RFC 8200 section 8.1).
    /// </summary>
    private readonly ulong ReadPseudoSum()
    {
        byte* transport = _frame + _transport;
        int length = IsUdp ? BigEndian.Read16(transport + UdpHeader.DatagramLength) : HeaderLength - _transport + PayloadLength;
        // Subtracting is adding the complement.
        return (ulong)Unsafe.ReadUnaligned<ushort>(transport + ChecksumOffset)
            + (ushort)~InternetChecksum.Word(length & 0xFFFF) + (ushort)~InternetChecksum.Word(length >> 16);
    }

    private static ulong AddressSum(byte* at, (HeaderKind Kind, int Offset) ip, byte protocol)
    {
        bool v4 = ip.Kind == HeaderKind.IPv4;
        return InternetChecksum.Add(InternetChecksum.Word(protocol), at + ip.Offset + IpHeader.Addresses(!v4), v4 ? 8 : 32);
    }

    /// <summary>The checksum of a TCP or UDP header and all that follows it.</summary>
    private readonly void WriteChecksum(byte* at, ulong pseudoSum, int start, byte* field, byte protocol, int offset, int length)
    {
        Unsafe.WriteUnaligned(field, (ushort)0);
        ulong sum = pseudoSum + InternetChecksum.Word(HeaderLength - start + length);
        sum = InternetChecksum.Add(sum, at + start, HeaderLength - start);
        ushort checksum = InternetChecksum.Fold(InternetChecksum.AddAfter(sum, HeaderLength - start, Payload + offset, length));
        Unsafe.WriteUnaligned(field, protocol == IPPROTO_UDP && checksum == 0 ? (ushort)0xFFFF : checksum);
    }
}
