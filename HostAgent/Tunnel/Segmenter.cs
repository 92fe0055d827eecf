using System.Numerics;
using System.Runtime.CompilerServices;
using HostAgent.Accounts;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Tunnel;

/// <summary>
/// Does what offload left undone, so that the sensor gets what the wire would have carried: super-frames are cut into segments as the
/// kernel's own GSO cuts them, or into larger ones where the policy says so, and unfinished checksums are finished. Frames are changed in
/// place: the ring's copy has one reader.
/// </summary>
internal static unsafe class Segmenter
{
    private const int JumboHeader = 8;
    private const byte JumboPayload = 0xC2;

    /// <summary>Adds the frame's datagrams to the batch. What it returns is why the frame cannot be sent; null when it can.</summary>
    public static LossReason? Add(ref Frame frame, in FrameLayout layout, Transport transport, SendBatch batch, uint vni)
    {
        if (frame.Offload.Segmentation != SegmentationKind.None) return AddSegments(ref frame, layout, transport, batch, vni);
        if (frame.Offload.NeedsChecksum && !FinishChecksum(ref frame, layout)) return LossReason.Malformed;
        if (frame.Length > Vxlan.LongestInnerFrame) return LossReason.Oversize;
        if (frame.Headroom >= transport.HeaderLength)
        {
            transport.AddWhole(batch, vni, layout.FlowHash, frame.Start, frame.Length);
            return null;
        }

        transport.AddSegment(batch, vni, layout.FlowHash, batch.Header(transport.HeaderLength), 0, frame.Start, frame.Length, null);
        return null;
    }

    private static bool FinishChecksum(ref Frame frame, in FrameLayout layout)
    {
        int start = frame.Offload.ChecksumStart, field = start + frame.Offload.ChecksumOffset;
        if (start < ETH_HLEN || field + 2 > frame.Length) return false;
        if (layout.Protocol == IPPROTO_SCTP && layout.Transport == start)
            return FinishCrc32c(frame.Start + start, frame.Length - start);
        ushort sum = InternetChecksum.Fold(InternetChecksum.Add(0, frame.Start + start, frame.Length - start));
        // Zero would mean "no checksum" to UDP (RFC 768), so there it is the other zero of one's complement. In TCP, where network cards
        // write zero, that other one is taken for an error by some decoders (RFC 1624).
        Unsafe.WriteUnaligned(frame.Start + field, sum == 0 && frame.Offload.ChecksumOffset == UdpHeader.Checksum ? (ushort)0xFFFF : sum);
        return true;
    }

    /// <summary>
    /// SCTP's checksum is a CRC32c over its whole packet, the field itself as zero, stored low byte first (RFC 9260, appendix A).
    /// </summary>
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
        if (IsJumbogram(frame, layout)) return AddJumbogram(ref frame, layout, transport, batch, vni);
        if (!SuperFrame.TryRead(frame, layout, out SuperFrame super)) return LossReason.Malformed;
        if (super.HeaderLength + transport.HeaderLength > SendBatch.MaxHeader) return LossReason.Malformed;

        int wire = frame.Offload.SegmentSize;
        int size = transport.SegmentSize(frame.Offload, super.HeaderLength);
        if (size <= 0 || super.HeaderLength + size > Vxlan.LongestInnerFrame) return LossReason.Oversize;
        int together = Together(super, wire, Math.Max(1, size / wire), transport);
        if (together > 1) size = together * wire;
        for (int offset = 0, index = 0; offset < super.PayloadLength; offset += size, index += together)
        {
            int length = Math.Min(size, super.PayloadLength - offset);
            byte* header = batch.Header(transport.HeaderLength + super.HeaderLength);
            ulong sum = super.WriteHeaders(header + transport.HeaderLength, index, offset, length);
            transport.AddSegment(batch, vni, layout.FlowHash, header, super.HeaderLength, super.Payload + offset, length, sum);
            if (length > wire) batch.Merged((length + wire - 1) / wire);
        }

        return null;
    }

    /// <summary>
    /// How many of the wire's segments stay together: as many as may, or somewhat fewer where those are equal parts that leave with one
    /// send.
    /// </summary>
    private static int Together(in SuperFrame super, int wire, int most, Transport transport)
    {
        int count = super.PayloadLength / wire;
        if (super.PayloadLength % wire != 0) return most;
        for (int together = most; 2 * together > most && together > 1; together--)
        {
            if (count % together == 0 && transport.LeaveTogether(count / together, super.HeaderLength + (together * wire))) return together;
        }

        return most;
    }

    /// <summary>
    /// Over 64 KiB of IPv6 (BIG TCP), where a hop-by-hop header holds the length (RFC 2675) until the kernel cuts the frame.
    /// </summary>
    private static bool IsJumbogram(in Frame frame, in FrameLayout layout)
    {
        byte* ip = frame.Start + layout.Network;
        return layout is { EtherType: ETH_P_IPV6, Network: > 0 }
            && layout.Transport >= layout.Network + IpHeader.IPv6Length + JumboHeader
            && BigEndian.Read16(ip + 4) == 0 && ip[6] == 0
            && ip[IpHeader.IPv6Length + 1] == 0 && ip[IpHeader.IPv6Length + 2] == JumboPayload;
    }

    /// <summary>
    /// No segment has the jumbo header: it is taken out by moving all that is before it, as ipv6_hopopt_jumbo_remove() does.
    /// </summary>
    private static LossReason? AddJumbogram(ref Frame frame, in FrameLayout layout, Transport transport, SendBatch batch, uint vni)
    {
        int before = layout.Network + IpHeader.IPv6Length;
        frame.Start[layout.Network + 6] = frame.Start[before];
        Buffer.MemoryCopy(frame.Start, frame.Start + JumboHeader, before, before);
        frame.Start += JumboHeader;
        frame.Length -= JumboHeader;
        frame.Headroom += JumboHeader;
        FrameOffload offload = frame.Offload;
        frame.Offload = offload with { ChecksumStart = (ushort)(offload.ChecksumStart - JumboHeader) };
        return AddSegments(ref frame, FrameParser.Parse(frame.Start, frame.Length), transport, batch, vni);
    }
}
