using System.Runtime.CompilerServices;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Capture;

/// <summary>
/// Tells by the frame itself that its TCP or UDP checksum is left to hardware, for a capture that is not told: then the field holds the
/// pseudo-header's sum. A finished one that happens to be equal (one in 65,536) comes out the same when it is finished once more.
/// </summary>
internal static unsafe class UnfinishedChecksum
{
    public static void Recognise(ref Frame frame)
    {
        FrameLayout layout = FrameParser.Parse(frame.Start, frame.Length);
        int offset = layout.Protocol switch { IPPROTO_TCP => TcpHeader.Checksum, IPPROTO_UDP => UdpHeader.Checksum, _ => 0 };
        if (offset == 0 || layout.Transport == 0 || layout.Fragment || layout.Transport + offset + 2 > frame.Length) return;
        bool v6 = layout.EtherType == ETH_P_IPV6;
        byte* network = frame.Start + layout.Network;
        // Behind the last header, as in the pseudo-header; a super-frame's own is longer than its field can say, where it has one.
        int end = layout.Network + (v6 ? IpHeader.IPv6Length + BigEndian.Read16(network + 4) : BigEndian.Read16(network + 2));
        if (end == layout.Network + (v6 ? IpHeader.IPv6Length : 0) || end > frame.Length) end = frame.Length;
        ulong sum = InternetChecksum.Add(0, network + IpHeader.Addresses(v6), v6 ? 32 : 8)
            + InternetChecksum.Word(layout.Protocol) + InternetChecksum.Word((end - layout.Transport) & 0xFFFF)
            + InternetChecksum.Word((end - layout.Transport) >> 16);
        if (Unsafe.ReadUnaligned<ushort>(frame.Start + layout.Transport + offset) != (ushort)~InternetChecksum.Fold(sum)) return;
        frame.Offload = new FrameOffload
        {
            NeedsChecksum = true,
            ChecksumStart = (ushort)layout.Transport,
            ChecksumOffset = (ushort)offset,
        };
    }
}
