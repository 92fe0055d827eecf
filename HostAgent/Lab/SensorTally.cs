using System.Buffers.Binary;

namespace HostAgent.Lab;

/// <summary>
/// A sensor's own reading of Ethernet, IP, UDP and VXLAN (RFC 7348), and its counts. It shares nothing with the tunnel that it judges,
/// and allocates nothing per datagram.
/// </summary>
/// <param name="port">The UDP destination port of VXLAN.</param>
/// <param name="mtu">Of the link, in bytes.</param>
/// <param name="judges">False to leave out what costs much: checksums outside and inside, and repetitions.</param>
internal class SensorTally(ushort port, int mtu, bool judges = true)
{
    private const byte Udp = 17;

    private readonly RecentFrames? _recent = judges ? new() : null;
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

    /// <summary>Takes in the payload of a UDP datagram to the port, as a socket gives it.</summary>
    public void TakeVxlan(ReadOnlySpan<byte> vxlan)
    {
        // Flags 0x08 and 24 reserved bits; then the VNI and 8 reserved bits.
        if (vxlan.Length < 8 || BinaryPrimitives.ReadUInt32BigEndian(vxlan) != 0x0800_0000 || vxlan[7] != 0)
        {
            _malformed++;
            return;
        }

        TakeCarried(vxlan[8..]);
    }

    /// <summary>Takes in a mirrored frame, from its Ethernet header on.</summary>
    public void TakeCarried(ReadOnlySpan<byte> inner)
    {
        _frames++;
        Carried(inner);
        if (_recent is null) return;
        FrameVerdict verdict = InnerFrame.Judge(inner, out ulong identity);
        if (verdict == FrameVerdict.BadChecksum) _badChecksums++;
        if (verdict == FrameVerdict.Malformed) _malformed++;
        if (_recent.Repeats(identity)) _duplicates++;
    }

    /// <summary>Is told of every frame that came in a whole datagram.</summary>
    protected virtual void Carried(ReadOnlySpan<byte> inner)
    {
    }

    /// <summary>Is told of every fragment of a datagram.</summary>
    /// <param name="payload">From the UDP header on, in the first.</param>
    /// <param name="offset">Its place in the datagram, in bytes.</param>
    /// <param name="more">False for the last.</param>
    protected virtual void Fragment(ReadOnlySpan<byte> payload, int offset, bool more)
    {
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
        bool rightHeader = !judges || OnesComplement.IsRight(OnesComplement.Add(0, packet[..header]));
        if (!rightHeader) _badOuterChecksums++;
        if (length > mtu) _oversize++;
        if (fragment != 0)
        {
            _fragments++;
            if (first) _datagrams++;
            Fragment(packet[header..length], (fragment & 0x1FFF) * 8, (fragment & 0x2000) != 0);
            return;
        }

        TakeUdp(packet[header..length], packet[12..20], countBad: rightHeader);
    }

    private void TakeIpv6(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 48) return;
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        // A fragment header can only be the first here: the agent sends no other extension header.
        if (packet[6] == 44 && packet.Length >= 56 && packet[40] == Udp)
        {
            int offset = BinaryPrimitives.ReadUInt16BigEndian(packet[42..]) & 0xFFF8;
            if (offset == 0 && !IsTunnel(packet[48..])) return;
            _fragments++;
            if (offset == 0) _datagrams++;
            if (packet.Length > mtu) _oversize++;
            if (packet.Length < 40 + length) _malformed++;
            else Fragment(packet[48..(40 + length)], offset, (packet[43] & 1) != 0);
            return;
        }

        if (packet[6] != Udp || !IsTunnel(packet[40..])) return;
        if (packet.Length < 40 + length)
        {
            _malformed++;
            return;
        }

        if (40 + length > mtu) _oversize++;
        // RFC 6935 lets a tunnel leave the checksum out in IPv6 too.
        TakeUdp(packet.Slice(40, length), packet[8..40], countBad: true);
    }

    private bool IsTunnel(ReadOnlySpan<byte> udp) => udp.Length >= 8 && BinaryPrimitives.ReadUInt16BigEndian(udp[2..]) == port;

    private void TakeUdp(ReadOnlySpan<byte> udp, ReadOnlySpan<byte> addresses, bool countBad)
    {
        _datagrams++;
        int length = BinaryPrimitives.ReadUInt16BigEndian(udp[4..]);
        if (length != udp.Length || length < 16)
        {
            _malformed++;
            return;
        }

        if (judges && countBad && !HasRightChecksum(udp, addresses)) _badOuterChecksums++;
        TakeVxlan(udp[8..]);
    }

    private static bool HasRightChecksum(ReadOnlySpan<byte> udp, ReadOnlySpan<byte> addresses) =>
        (udp[6] == 0 && udp[7] == 0)
        || OnesComplement.IsRight(OnesComplement.Add(
            OnesComplement.AddPseudo(OnesComplement.Add(0, addresses), udp.Length, Udp), udp));
}
