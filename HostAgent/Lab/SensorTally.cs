using System.Buffers.Binary;

namespace HostAgent.Lab;

/// <summary>
/// The receiver's own reading of Ethernet, IP, UDP and VXLAN (RFC 7348), and its counts. It shares nothing with the tunnel that it judges,
/// and allocates nothing per datagram.
/// </summary>
/// <param name="port">The UDP destination port of VXLAN.</param>
/// <param name="mtu">Of the link, in bytes.</param>
internal sealed class SensorTally(ushort port, int mtu)
{
    private const byte Udp = 17;

    private readonly RecentFrames _recent = new();
    private long _datagrams, _frames, _badChecksums, _badOuterChecksums, _duplicates, _oversize, _fragments, _malformed;

    /// <param name="dropped">What the kernel says it dropped for want of room.</param>
    public SensorReport Report(long dropped) =>
        new(_datagrams, _frames, _badChecksums, _badOuterChecksums, _duplicates, _oversize, _fragments, _malformed, dropped);

    /// <summary>Takes in what crossed the link, from the Ethernet header on. What is not VXLAN is passed over.</summary>
    public void Take(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 14) return;
        ReadOnlySpan<byte> packet = frame[14..];
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case 0x0800:
                TakeIpv4(packet);
                break;
            case 0x86DD:
                TakeIpv6(packet);
                break;
        }
    }

    private void TakeIpv4(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 20 || packet[9] != Udp) return;
        int header = (packet[0] & 15) * 4, length = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF;
        if (packet[0] >> 4 != 4 || header < 20 || length < header + 8 || packet.Length < length)
        {
            _malformed++;
            return;
        }

        // Only a first fragment tells its port; later ones are taken for the tunnel's, since nothing else on this link is that large.
        bool first = (fragment & 0x1FFF) == 0;
        if (first && !IsTunnel(packet[header..])) return;
        bool rightHeader = OnesComplement.IsRight(OnesComplement.Add(0, packet[..header]));
        if (!rightHeader) _badOuterChecksums++;
        if (length > mtu) _oversize++;
        if (fragment != 0)
        {
            _fragments++;
            if (first) _datagrams++;
            return;
        }

        TakeUdp(packet[header..length], OnesComplement.Add(0, packet[12..20]), countBad: rightHeader);
    }

    private void TakeIpv6(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 48) return;
        // A fragment header can only be the first here: the agent sends no other extension header.
        if (packet[6] == 44 && packet.Length >= 56 && packet[40] == Udp)
        {
            bool first = (BinaryPrimitives.ReadUInt16BigEndian(packet[42..]) & 0xFFF8) == 0;
            if (first && !IsTunnel(packet[48..])) return;
            _fragments++;
            if (first) _datagrams++;
            if (packet.Length > mtu) _oversize++;
            return;
        }

        if (packet[6] != Udp || !IsTunnel(packet[40..])) return;
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (packet.Length < 40 + length)
        {
            _malformed++;
            return;
        }

        if (40 + length > mtu) _oversize++;
        // RFC 6935 lets a tunnel leave the checksum out in IPv6 too.
        TakeUdp(packet.Slice(40, length), OnesComplement.Add(0, packet[8..40]), countBad: true);
    }

    private bool IsTunnel(ReadOnlySpan<byte> udp) => udp.Length >= 8 && BinaryPrimitives.ReadUInt16BigEndian(udp[2..]) == port;

    private void TakeUdp(ReadOnlySpan<byte> udp, ulong addresses, bool countBad)
    {
        _datagrams++;
        int length = BinaryPrimitives.ReadUInt16BigEndian(udp[4..]);
        bool none = udp[6] == 0 && udp[7] == 0;
        if (length != udp.Length || length < 16)
        {
            _malformed++;
            return;
        }

        bool right = none || OnesComplement.IsRight(OnesComplement.Add(OnesComplement.AddPseudo(addresses, length, Udp), udp));
        if (!right && countBad) _badOuterChecksums++;

        // Flags 0x08 and 24 reserved bits; then the VNI and 8 reserved bits.
        ReadOnlySpan<byte> vxlan = udp[8..];
        if (BinaryPrimitives.ReadUInt32BigEndian(vxlan) != 0x0800_0000 || vxlan[7] != 0)
        {
            _malformed++;
            return;
        }

        _frames++;
        FrameVerdict verdict = InnerFrame.Judge(vxlan[8..], out ulong identity);
        if (verdict == FrameVerdict.BadChecksum) _badChecksums++;
        if (verdict == FrameVerdict.Malformed) _malformed++;
        if (_recent.Repeats(identity)) _duplicates++;
    }
}
