using System.Runtime.CompilerServices;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Frames;

/// <summary>
/// Reads the headers of a frame: Ethernet II, any number of VLAN tags up to four, IPv4 (RFC 791), IPv6 with its extension headers (RFC
/// 8200). Frames come from pods and are trusted in nothing: no byte outside the frame is read, and what is not sound is left unparsed.
/// </summary>
internal static unsafe class FrameParser
{
    private const int MaxTags = 4;
    private const int MaxExtensions = 8;

    public static FrameLayout Parse(byte* frame, int length)
    {
        var layout = default(FrameLayout);
        if (length < ETH_HLEN) return layout;
        int type = ETH_HLEN - 2;
        layout.EtherType = BigEndian.Read16(frame + type);
        for (int tags = 0; layout.EtherType is ETH_P_8021Q or ETH_P_8021AD && tags < MaxTags && type + 6 <= length; tags++)
        {
            type += 4;
            layout.EtherType = BigEndian.Read16(frame + type);
        }

        int network = type + 2;
        bool parsed = layout.EtherType switch
        {
            ETH_P_IP => ParseIPv4(frame, network, length, ref layout),
            ETH_P_IPV6 => ParseIPv6(frame, network, length, ref layout),
            _ => false,
        };
        if (!parsed) layout.FlowHash = Finish(Mix(MacAt(frame)) + Mix(MacAt(frame + 6)), layout.EtherType);
        return layout;
    }

    /// <summary>A MAC as a number, to be compared: its bytes in the order of memory.</summary>
    public static ulong MacAt(byte* at) => Unsafe.ReadUnaligned<uint>(at) | ((ulong)Unsafe.ReadUnaligned<ushort>(at + 4) << 32);

    /// <summary>The flow's hash that the kernel's filter knows, too (<see cref="FlowPart"/>).</summary>
    public static uint SecretHashOf(byte* frame, in FrameLayout layout)
    {
        if (layout.Network == 0) return layout.FlowHash;
        bool v6 = layout.EtherType == ETH_P_IPV6;
        byte* addresses = frame + layout.Network + IpHeader.Addresses(v6);
        // Only the first fragment has ports.
        return layout.Fragment
            ? FlowPart.HashOf(addresses, v6 ? 4 : 1, layout.Protocol, 0, 0)
            : FlowPart.HashOf(addresses, v6 ? 4 : 1, layout.Protocol, layout.SourcePort, layout.DestinationPort);
    }

    private static bool ParseIPv4(byte* frame, int network, int length, ref FrameLayout layout)
    {
        if (network + IpHeader.IPv4Length > length) return false;
        byte* ip = frame + network;
        int header = (ip[0] & 0x0F) * 4;
        if (ip[0] >> 4 != 4 || header < IpHeader.IPv4Length || network + header > length) return false;
        layout.Network = network;
        layout.Protocol = ip[9];
        int fragment = BigEndian.Read16(ip + 6) & 0x3FFF; // more-fragments flag and offset
        layout.Fragment = fragment != 0;
        layout.FragmentId = BigEndian.Read16(ip + 4);
        if ((fragment & 0x1FFF) == 0) layout.Transport = network + header;
        ReadPorts(frame, length, ref layout);
        ulong source = Unsafe.ReadUnaligned<uint>(ip + 12), destination = Unsafe.ReadUnaligned<uint>(ip + 16);
        layout.FlowHash = FlowHash(source, destination, layout);
        return true;
    }

    private static bool ParseIPv6(byte* frame, int network, int length, ref FrameLayout layout)
    {
        if (network + IpHeader.IPv6Length > length || frame[network] >> 4 != 6) return false;
        layout.Network = network;
        byte next = frame[network + 6];
        int at = network + IpHeader.IPv6Length;
        bool complete = true;
        for (int extensions = 0; IsExtension(next) && complete; extensions++)
        {
            complete = extensions < MaxExtensions && at + IpHeader.IPv6ExtensionLength <= length;
            if (!complete) break;
            if (next == IPPROTO_FRAGMENT)
            {
                layout.Fragment = true;
                layout.FragmentId = BigEndian.Read32(frame + at + 4);
                complete = (BigEndian.Read16(frame + at + 2) & 0xFFF8) == 0; // the transport header is in the first fragment only
            }

            byte following = frame[at];
            at += next switch
            {
                IPPROTO_FRAGMENT => IpHeader.IPv6ExtensionLength,
                IPPROTO_AH => (frame[at + 1] + 2) * 4,
                _ => (frame[at + 1] + 1) * 8,
            };
            next = following;
        }

        layout.Protocol = next;
        if (complete && at <= length) layout.Transport = at;
        ReadPorts(frame, length, ref layout);
        byte* ip = frame + network;
        layout.FlowHash = FlowHash(Fold128(ip + 8), Fold128(ip + 24), layout);
        return true;
    }

    private static bool IsExtension(byte header) =>
        header is IPPROTO_HOPOPTS or IPPROTO_ROUTING or IPPROTO_FRAGMENT or IPPROTO_AH or IPPROTO_DSTOPTS;

    private static void ReadPorts(byte* frame, int length, ref FrameLayout layout)
    {
        if (layout.Transport == 0 || layout.Protocol is not (IPPROTO_TCP or IPPROTO_UDP or IPPROTO_SCTP)) return;
        if (layout.Transport + 4 > length) return;
        layout.SourcePort = BigEndian.Read16(frame + layout.Transport);
        layout.DestinationPort = BigEndian.Read16(frame + layout.Transport + 2);
    }

    // Sensors put fragments together before they look at ports, so all fragments between two addresses stay on one worker.
    private static uint FlowHash(ulong source, ulong destination, in FrameLayout layout) => layout.Fragment
        ? Finish(Mix(source) + Mix(destination), layout.Protocol)
        : Finish(Mix(source ^ ((ulong)layout.SourcePort << 32))
            + Mix(destination ^ ((ulong)layout.DestinationPort << 32)), layout.Protocol);

    // Addition makes the hash symmetric; multiplying on both sides of it keeps address and port bits from cancelling each other.
    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        return (value ^ (value >> 32)) * 0xD6E8FEB86659FD93;
    }

    private static uint Finish(ulong sum, uint kind)
    {
        sum = (sum ^ (sum >> 29) ^ kind) * 0xBF58476D1CE4E5B9;
        return (uint)(sum >> 32);
    }

    private static ulong Fold128(byte* at) => (Unsafe.ReadUnaligned<ulong>(at) * 0x9FB21C651E98DF25) ^ Unsafe.ReadUnaligned<ulong>(at + 8);
}
