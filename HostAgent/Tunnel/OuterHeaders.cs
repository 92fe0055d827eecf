using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HostAgent.Frames;
using HostAgent.Sensors;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Tunnel;

/// <summary>
/// The headers of a datagram that a sniffing sensor sees: Ethernet, IP, UDP, VXLAN. The destination MAC is nobody's. One thread.
/// </summary>
internal sealed unsafe class OuterHeaders : IDisposable
{
    private const byte HopLimit = 64;

    // Locally administered, and "vxlan" in ASCII: nobody's address.
    private static readonly byte[] NobodysMac = [0x02, 0x76, 0x78, 0x6C, 0x61, 0x6E];

    private readonly byte* _template;
    private readonly ulong _ipSum;

    /// <param name="sensor">Where to.</param>
    /// <param name="port">The UDP destination port.</param>
    public OuterHeaders(SensorEndpoint sensor, ushort port)
    {
        IpLength = IpHeader.Length(sensor.Address.AddressFamily);
        V6 = IpLength == IpHeader.IPv6Length;
        _template = (byte*)NativeMemory.AllocZeroed((nuint)Length);
        WriteTemplate(sensor, port);
        _ipSum = InternetChecksum.Add(0, _template + ETH_HLEN, IpLength);
        PseudoSum = InternetChecksum.Add(
            InternetChecksum.Word(IPPROTO_UDP), _template + ETH_HLEN + IpHeader.Addresses(V6), V6 ? 32 : 8);
    }

    public bool V6 { get; }

    /// <summary>Bytes of the IP header.</summary>
    public int IpLength { get; }

    /// <summary>Bytes of all headers.</summary>
    public int Length => ETH_HLEN + IpLength + UdpHeader.Length + Vxlan.HeaderLength;

    /// <summary>The sum of the pseudo-header's addresses and protocol.</summary>
    public ulong PseudoSum { get; }

    /// <summary>Of the last datagram, or of the next one where <see cref="Next"/> has been called since.</summary>
    public uint Identification { get; private set; }

    /// <summary>Takes a new <see cref="Identification"/>.</summary>
    public uint Next() => ++Identification;

    /// <summary>
    /// Writes all outer headers. RFC 8200 wants a checksum over IPv6; RFC 6935 would let a tunnel leave it out, but not every sensor knows.
    /// Over IPv4 it is zero, which means none (RFC 768, RFC 7348), unless the sum is there without summing payload for it.
    /// </summary>
    /// <param name="at">The inner frame, or its first part, follows them directly.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="sourcePort">UDP's.</param>
    /// <param name="length">Bytes of the inner frame.</param>
    /// <param name="sum">Its sum; null for no checksum.</param>
    public void Write(byte* at, uint vni, int sourcePort, int length, ulong? sum)
    {
        int udpLength = UdpHeader.Length + Vxlan.HeaderLength + length;
        byte* ip = at + ETH_HLEN;
        byte* udp = ip + IpLength;
        Unsafe.CopyBlockUnaligned(at, _template, (uint)(ETH_HLEN + IpLength + UdpHeader.Length));
        BigEndian.Write16(udp, sourcePort);
        BigEndian.Write16(udp + UdpHeader.DatagramLength, udpLength);
        Vxlan.Write(udp + UdpHeader.Length, vni);
        if (sum is { } inner)
        {
            ulong outer = InternetChecksum.Add(PseudoSum + InternetChecksum.Word(udpLength), udp, UdpHeader.Length + Vxlan.HeaderLength);
            ushort checksum = InternetChecksum.Fold(InternetChecksum.Add(outer, (byte*)&inner, sizeof(ulong)));
            Unsafe.WriteUnaligned(udp + UdpHeader.Checksum, checksum == 0 ? (ushort)0xFFFF : checksum);
        }

        if (V6) BigEndian.Write16(ip + 4, udpLength);
        else WriteLengthAndSum(ip, IpLength + udpLength, Next(), IpHeader.DontFragment);
    }

    /// <summary>Writes what differs from one IPv4 header to the next, and the checksum.</summary>
    public void WriteLengthAndSum(byte* ip, int totalLength, uint identification, int fragmentWord)
    {
        BigEndian.Write16(ip + 2, totalLength);
        BigEndian.Write16(ip + 4, (ushort)identification);
        BigEndian.Write16(ip + 6, fragmentWord);
        ulong sum = _ipSum + InternetChecksum.Word(totalLength)
            + InternetChecksum.Word((ushort)identification) + InternetChecksum.Word(fragmentWord);
        Unsafe.WriteUnaligned(ip + 10, InternetChecksum.Fold(sum));
    }

    public void Dispose() => NativeMemory.Free(_template);

    private void WriteTemplate(SensorEndpoint sensor, ushort port)
    {
        byte* ip = _template + ETH_HLEN;
        NobodysMac.CopyTo(new Span<byte>(_template, 6));
        byte[] own = sensor.Link.Mac.GetAddressBytes();
        if (own.Length == 6) own.CopyTo(new Span<byte>(_template + 6, 6));
        BigEndian.Write16(_template + 12, V6 ? ETH_P_IPV6 : ETH_P_IP);
        if (V6)
        {
            ip[0] = 0x60;
            ip[6] = IPPROTO_UDP;
            ip[7] = HopLimit;
        }
        else
        {
            ip[0] = 0x45;
            ip[8] = HopLimit;
            ip[9] = IPPROTO_UDP;
        }

        WriteAddress(sensor.Source, ip + IpHeader.Addresses(V6));
        WriteAddress(sensor.Address, ip + (V6 ? 24 : 16));
        BigEndian.Write16(ip + IpLength + 2, port);
    }

    private void WriteAddress(IPAddress address, byte* at) => _ = address.TryWriteBytes(new Span<byte>(at, V6 ? 16 : 4), out _);
}
