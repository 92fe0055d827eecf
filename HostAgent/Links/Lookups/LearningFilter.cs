using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Links;

/// <summary>
/// The kernel filter of a socket that learns: it lets through the heads of frames that come from the pod and whose source may be one of
/// the addresses, so that the traffic of all others costs nothing but the filter. It compares the last four bytes of an address; the
/// exact comparison is <see cref="SourceAddress"/>'s.
/// </summary>
internal static class LearningFilter
{
    /// <summary>Enough for the headers up to an IPv6 neighbour advertisement's target.</summary>
    public const int HeadLength = 128;

    /// <summary>
    /// Each takes up to 96 bytes of the kernel's memory (three comparisons, each with four of its own instructions), of which older kernels
    /// give a socket 20,480 for its filter (net.core.optmem_max).
    /// </summary>
    private const int MaxAddresses = 180;


    public static sock_filter[] For(ImmutableArray<IPAddress> addresses)
    {
        uint[] words = [.. addresses.Select(LastWord).Distinct().Take(MaxAddresses)];
        sock_filter[] compare =
            [.. words.SelectMany(word => (sock_filter[])[new(BPF_JMP_JEQ_K, 0, 1, word), new(BPF_RET_K, 0, 0, HeadLength)])];
        sock_filter refuse = new(BPF_RET_K, 0, 0, 0);

        // A solicitation may come from no address at all (duplicate address detection); then the target is the sender's.
        sock_filter[] ipv6 =
        [
            new(BPF_LD_W_ABS, 0, 0, SourceAddress.Ipv6Source + 12), .. compare,
            new(BPF_LD_B_ABS, 0, 0, SourceAddress.Ipv6NextHeader), new(BPF_JMP_JEQ_K, 0, 3, IPPROTO_ICMPV6),
            new(BPF_LD_B_ABS, 0, 0, SourceAddress.Icmpv6Type), new(BPF_JMP_JEQ_K, 2, 0, SourceAddress.NeighbourSolicitation),
            new(BPF_JMP_JEQ_K, 1, 0, SourceAddress.NeighbourAdvertisement), refuse,
            new(BPF_LD_W_ABS, 0, 0, SourceAddress.NeighbourTarget + 12), .. compare, refuse,
        ];
        uint past = (uint)ipv6.Length;
        return
        [
            new(BPF_LD_W_ABS, 0, 0, PacketTypeOffset), new(BPF_JMP_JEQ_K, 0, 1, LinuxIfPacket.PACKET_OUTGOING), refuse,
            new(BPF_LD_H_ABS, 0, 0, SourceAddress.EtherType),
            new(BPF_JMP_JEQ_K, 0, 2, ETH_P_ARP), new(BPF_LD_W_ABS, 0, 0, SourceAddress.ArpSender), new(BPF_JMP_JA, 0, 0, past + 5),
            new(BPF_JMP_JEQ_K, 0, 2, ETH_P_IP), new(BPF_LD_W_ABS, 0, 0, SourceAddress.Ipv4Source), new(BPF_JMP_JA, 0, 0, past + 2),
            new(BPF_JMP_JEQ_K, 1, 0, ETH_P_IPV6), refuse, .. ipv6,
            .. compare, refuse,
        ];
    }

    private static uint LastWord(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes().AsSpan()[^4..]);
}
