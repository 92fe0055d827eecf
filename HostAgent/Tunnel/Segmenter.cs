using System.Numerics;
using System.Runtime.CompilerServices;
using HostAgent.Capture;
using HostAgent.Observability;

namespace HostAgent.Tunnel;

/// <summary>
/// Does what offload left undone, so that the sensor gets what the wire would have carried: super-frames are cut into segments as the kernel's
/// own GSO cuts them, and unfinished checksums are finished. Frames are changed in place: the ring's copy has one reader.
/// </summary>
internal static unsafe class Segmenter
{
    private const int SequenceOffset = 4;
    private const int FlagsOffset = 13;
    private const byte FinAndPush = 0x09;
    private const byte CongestionWindowReduced = 0x80;

    /// <summary>Adds the frame's datagrams to the batch. What it returns is why the frame cannot be sent; null when it can.</summary>
    public static LossReason? Add(ref Frame frame, in FrameLayout layout, Transport transport, SendBatch batch, uint vni)
    {
        if (frame.Offload.Segmentation != SegmentationKind.None) return AddSegments(ref frame, layout, transport, batch, vni);
        if (frame.Offload.NeedsChecksum && !FinishChecksum(ref frame, layout)) return LossReason.Malformed;
        if (frame.Length > Transport.MaxDatagram - Transport.VxlanHeader) return LossReason.Oversize;
        if (frame.Headroom >= transport.HeaderLength)
        {
            transport.AddWhole(batch, vni, layout.FlowHash, frame.Start, frame.Length);
            return null;
        }

        if (frame.Length > transport.MaxInnerFrame) return LossReason.Oversize;
        transport.AddSegment(batch, vni, layout.FlowHash, batch.Header(transport.HeaderLength), 0, frame.Start, frame.Length);
        return null;
    }

    private static bool FinishChecksum(ref Frame frame, in FrameLayout layout)
    {
        int start = frame.Offload.ChecksumStart, field = start + frame.Offload.ChecksumOffset;
        if (start < FrameParser.EthernetHeader || field + 2 > frame.Length) return false;
        if (layout.Protocol == FrameParser.ProtocolSctp && layout.Transport == start) return FinishCrc32c(frame.Start + start, frame.Length - start);
        ushort sum = InternetChecksum.Fold(InternetChecksum.Add(0, frame.Start + start, frame.Length - start));
        // As skb_checksum_help(): zero would mean "no checksum" to UDP, and the two zeros of one's complement are equal.
        Unsafe.WriteUnaligned(frame.Start + field, sum == 0 ? (ushort)0xFFFF : sum);
        return true;
    }

    /// <summary>SCTP's checksum is a CRC32c over its whole packet, the field itself as zero, stored low byte first (RFC 9260, appendix A).</summary>
    private static bool FinishCrc32c(byte* sctp, int length)
    {
        if (length < 12) return false;
        Unsafe.WriteUnaligned(sctp + 8, 0u);
        uint crc = uint.MaxValue;
        byte* at = sctp;
        for (; length >= 8; at += 8, length -= 8) crc = BitOperations.Crc32C(crc, Unsafe.ReadUnaligned<ulong>(at));
        for (; length > 0; at++, length--) crc = BitOperations.Crc32C(crc, *at);
        crc = ~crc;
        for (int i = 0; i < 4; i++) sctp[8 + i] = (byte)(crc >> (8 * i));
        return true;
    }

    private static LossReason? AddSegments(ref Frame frame, in FrameLayout layout, Transport transport, SendBatch batch, uint vni)
    {
        bool udp = frame.Offload.Segmentation == SegmentationKind.Udp;
        if (frame.Offload.Segmentation == SegmentationKind.Other || layout.Transport == 0 || layout.Fragment) return LossReason.Malformed;
        if (layout.Protocol != (udp ? FrameParser.ProtocolUdp : FrameParser.ProtocolTcp)) return LossReason.Malformed;
        if (frame.Offload.NeedsChecksum && frame.Offload.ChecksumStart != layout.Transport) return LossReason.Malformed;
        int headers = layout.Transport + (udp ? 8 : TcpHeader(frame, layout));
        int payload = frame.Length - headers;
        if (headers < layout.Transport + 8 || payload <= 0 || frame.Offload.SegmentSize == 0) return LossReason.Malformed;
        if (headers + transport.HeaderLength > SendBatch.MaxHeader) return LossReason.Malformed;

        // A TCP segment may be cut smaller than the wire's so that it fits; a datagram has its size from its sender.
        int size = udp ? frame.Offload.SegmentSize : Math.Min(frame.Offload.SegmentSize, transport.MaxInnerFrame - headers);
        if (size <= 0 || headers + size > transport.MaxInnerFrame) return LossReason.Oversize;

        var cut = new Cut(frame.Start, layout, headers, udp);
        int room = transport.HeaderLength + headers;
        for (int offset = 0, index = 0; offset < payload; offset += size, index++)
        {
            int length = Math.Min(size, payload - offset);
            byte* header = batch.Header(room);
            cut.WriteHeaders(header + transport.HeaderLength, index, offset, length, offset + length == payload);
            transport.AddSegment(batch, vni, layout.FlowHash, header, headers, frame.Start + headers + offset, length);
        }

        return null;
    }

    private static int TcpHeader(in Frame frame, in FrameLayout layout)
    {
        if (layout.Transport + 20 > frame.Length) return 0;
        int length = (frame.Start[layout.Transport + 12] >> 4) * 4;
        return length >= 20 ? length : 0;
    }

    /// <summary>One super-frame being cut: what its segments' headers have in common.</summary>
    private readonly ref struct Cut
    {
        private readonly byte* _frame;
        private readonly int _network;
        private readonly int _transport;
        private readonly int _headers;
        private readonly bool _udp;
        private readonly bool _v6;
        private readonly ushort _identification;
        private readonly uint _sequence;
        private readonly ulong _pseudoSum;

        public Cut(byte* frame, in FrameLayout layout, int headers, bool udp)
        {
            _frame = frame;
            _network = layout.Network;
            _transport = layout.Transport;
            _headers = headers;
            _udp = udp;
            _v6 = layout.EtherType == FrameParser.EtherTypeIPv6;
            byte* ip = frame + _network;
            _identification = _v6 ? (ushort)0 : BigEndian.Read16(ip + 4);
            _sequence = udp ? 0 : BigEndian.Read32(frame + _transport + SequenceOffset);
            _pseudoSum = InternetChecksum.Add(InternetChecksum.Word(layout.Protocol), ip + (_v6 ? 8 : 12), _v6 ? 32 : 8);
        }

        /// <summary>Writes the inner headers of one segment: lengths, IP id, sequence number, flags and checksums as the kernel's GSO sets them.</summary>
        public void WriteHeaders(byte* at, int index, int offset, int length, bool last)
        {
            Unsafe.CopyBlockUnaligned(at, _frame, (uint)_headers);
            byte* ip = at + _network;
            byte* transport = at + _transport;
            int transportLength = _headers - _transport + length;
            if (_v6)
            {
                BigEndian.Write16(ip + 4, _transport - _network - 40 + transportLength);
            }
            else
            {
                BigEndian.Write16(ip + 2, _transport - _network + transportLength);
                BigEndian.Write16(ip + 4, (ushort)(_identification + index));
                BigEndian.Write16(ip + 10, 0);
                Unsafe.WriteUnaligned(ip + 10, InternetChecksum.Fold(InternetChecksum.Add(0, ip, _transport - _network)));
            }

            byte* checksum = transport + (_udp ? 6 : 16);
            if (_udp)
            {
                BigEndian.Write16(transport + 4, transportLength);
            }
            else
            {
                BigEndian.Write32(transport + SequenceOffset, _sequence + (uint)offset);
                // FIN and PSH belong to the last segment, CWR to the first.
                if (!last) transport[FlagsOffset] &= unchecked((byte)~FinAndPush);
                if (index > 0) transport[FlagsOffset] &= unchecked((byte)~CongestionWindowReduced);
            }

            Unsafe.WriteUnaligned(checksum, (ushort)0);
            ulong sum = InternetChecksum.Add(_pseudoSum + InternetChecksum.Word(transportLength), transport, _headers - _transport);
            ushort folded = InternetChecksum.Fold(InternetChecksum.Add(sum, _frame + _headers + offset, length));
            Unsafe.WriteUnaligned(checksum, _udp && folded == 0 ? (ushort)0xFFFF : folded);
        }
    }
}
