using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Policy;
using HostAgent.Sensors;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.NetinetIn;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// For a sensor that sniffs: datagrams are written onto its link as Ethernet frames, with headers of our own. No route, conntrack or
/// iptables is on the way, any source port needs no socket, and the destination MAC is nobody's, so that the sensor's IP stack drops each
/// datagram at once instead of answering it with an ICMP error, while a sniffer sees it all the same. Needs CAP_NET_RAW.
/// </summary>
internal sealed unsafe class LinkTransport : Transport
{
    private const byte HopLimit = 64;

    // The segments of all the super-frames that a block of the ring holds.
    private const int MaxMessages = 256;

    // Locally administered, and "vxlan" in ASCII: nobody's address.
    private static readonly byte[] NobodysMac = [0x02, 0x76, 0x78, 0x6C, 0x61, 0x6E];

    private readonly NativeSocket _socket;
    private readonly SendBatch _batch;
    private readonly SegmentedRuns? _runs;
    private readonly bool _v6;
    private readonly int _ip;
    private readonly int _mtu;
    private readonly byte* _template;
    private readonly ulong _ipSum;
    private readonly ulong _pseudoSum;
    private uint _identification;

    /// <param name="sensor">Where to.</param>
    /// <param name="policy">Ports.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <exception cref="ErrnoException">The link is gone (ENODEV), or CAP_NET_RAW is missing (EPERM).</exception>
    public LinkTransport(SensorEndpoint sensor, SensorPolicy policy, ShardLedger ledger, int shard)
        : base(policy)
    {
        _v6 = sensor.Address.AddressFamily == AddressFamily.InterNetworkV6;
        _ip = IpHeader.Length(sensor.Address.AddressFamily);
        _mtu = sensor.Link.Mtu;
        MaxInnerFrame = Vxlan.MaxInnerFrame(sensor.Address.AddressFamily, _mtu);
        _socket = NativeSocket.Open(AF_PACKET, SOCK_RAW, 0, $"to the sensor's link {sensor.Link.Name}");
        try
        {
            _socket.Set("PACKET_QDISC_BYPASS", SOL_PACKET, PACKET_QDISC_BYPASS, 1);
            // A link that takes nothing must not hold up the capture of all pods.
            _socket.Set("SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, new timeval { tv_usec = 100_000 });
            // Protocol 0: the socket never receives.
            _socket.Bind(new sockaddr_ll { sll_family = AF_PACKET, sll_ifindex = sensor.Link.Index });
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        _template = (byte*)NativeMemory.AllocZeroed((nuint)HeaderLength);
        WriteTemplate(sensor);
        _ipSum = InternetChecksum.Add(0, _template + ETH_HLEN, _ip);
        _pseudoSum = InternetChecksum.Add(
            InternetChecksum.Word(IPPROTO_UDP), _template + ETH_HLEN + IpHeader.Addresses(_v6), _v6 ? 32 : 8);
        try
        {
            _runs = SegmentedRuns.For(sensor.Link, _v6, _pseudoSum);
        }
        catch
        {
            _socket.Dispose();
            NativeMemory.Free(_template);
            throw;
        }

        _batch = new SocketBatch(_socket, ledger, shard, MaxMessages, runs: _runs);
    }

    public override int HeaderLength => ETH_HLEN + _ip + UdpHeader.Length + Vxlan.HeaderLength;

    public override int MaxInnerFrame { get; }

    public override bool LeaveTogether(int count, int length) => _runs?.Reaches(count, Vxlan.HeaderLength + length) ?? false;

    public override SendBatch BatchOf(uint flowHash) => _batch;

    protected override void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        byte* at = frame - HeaderLength;
        WriteHeader(at, vni, flowHash, length, _v6 ? InternetChecksum.Add(0, frame, length) : null);
        Add(batch, new Bytes(at, HeaderLength + length), default);
    }

    protected override void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        if (_v6 && sum is null)
        {
            sum = InternetChecksum.Add(0, header + HeaderLength, innerHeaderLength);
            sum = InternetChecksum.AddAfter(sum.Value, innerHeaderLength, payload, payloadLength);
        }

        WriteHeader(header, vni, flowHash, innerHeaderLength + payloadLength, sum);
        Add(batch, new Bytes(header, HeaderLength + innerHeaderLength), new Bytes(payload, payloadLength));
    }

    public override void Flush() => _batch.Flush();

    public override void Dispose()
    {
        _batch.Dispose();
        _runs?.Dispose();
        _socket.Dispose();
        NativeMemory.Free(_template);
    }

    private void WriteTemplate(SensorEndpoint sensor)
    {
        byte* ip = _template + ETH_HLEN;
        NobodysMac.CopyTo(new Span<byte>(_template, 6));
        byte[] own = sensor.Link.Mac.GetAddressBytes();
        if (own.Length == 6) own.CopyTo(new Span<byte>(_template + 6, 6));
        BigEndian.Write16(_template + 12, _v6 ? ETH_P_IPV6 : ETH_P_IP);
        if (_v6)
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

        WriteAddress(sensor.Source, ip + IpHeader.Addresses(_v6));
        WriteAddress(sensor.Address, ip + (_v6 ? 24 : 16));
        BigEndian.Write16(ip + _ip + 2, sensor.Port);
    }

    private void WriteAddress(IPAddress address, byte* at) => _ = address.TryWriteBytes(new Span<byte>(at, _v6 ? 16 : 4), out _);

    /// <summary>
    /// Writes all outer headers. RFC 8200 wants a checksum over IPv6; RFC 6935 would let a tunnel leave it out, but not every sensor knows.
    /// Over IPv4 it is zero, which means none (RFC 768, RFC 7348), unless the sum is there without summing payload for it.
    /// </summary>
    /// <param name="at">The inner frame, or its first part, follows them directly.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="flowHash">Chooses the source port.</param>
    /// <param name="length">Bytes of the inner frame.</param>
    /// <param name="sum">Its sum; null for no checksum.</param>
    private void WriteHeader(byte* at, uint vni, uint flowHash, int length, ulong? sum)
    {
        int udpLength = UdpHeader.Length + Vxlan.HeaderLength + length;
        byte* ip = at + ETH_HLEN;
        byte* udp = ip + _ip;
        Unsafe.CopyBlockUnaligned(at, _template, (uint)(ETH_HLEN + _ip + UdpHeader.Length));
        BigEndian.Write16(udp, SourcePort(flowHash));
        BigEndian.Write16(udp + UdpHeader.DatagramLength, udpLength);
        Vxlan.Write(udp + UdpHeader.Length, vni);
        if (sum is { } inner)
        {
            ulong outer = InternetChecksum.Add(_pseudoSum + InternetChecksum.Word(udpLength), udp, UdpHeader.Length + Vxlan.HeaderLength);
            ushort checksum = InternetChecksum.Fold(InternetChecksum.Add(outer, (byte*)&inner, sizeof(ulong)));
            Unsafe.WriteUnaligned(udp + UdpHeader.Checksum, checksum == 0 ? (ushort)0xFFFF : checksum);
        }

        if (_v6) BigEndian.Write16(ip + 4, udpLength);
        else WriteLengthAndSum(ip, _ip + udpLength, ++_identification, IpHeader.DontFragment);
    }

    private void WriteLengthAndSum(byte* ip, int totalLength, uint identification, int fragmentWord)
    {
        BigEndian.Write16(ip + 2, totalLength);
        BigEndian.Write16(ip + 4, (ushort)identification);
        BigEndian.Write16(ip + 6, fragmentWord);
        ulong sum = _ipSum + InternetChecksum.Word(totalLength)
            + InternetChecksum.Word((ushort)identification) + InternetChecksum.Word(fragmentWord);
        Unsafe.WriteUnaligned(ip + 10, InternetChecksum.Fold(sum));
    }

    private void Add(SendBatch batch, Bytes first, Bytes second)
    {
        if (first.Length + second.Length <= HeaderLength + MaxInnerFrame) batch.Add(first, second);
        else AddFragments(batch, first, second);
    }

    /// <summary>Cuts a finished datagram into IP fragments, each a frame that fits the link.</summary>
    private void AddFragments(SendBatch batch, Bytes first, Bytes second)
    {
        int header = ETH_HLEN + _ip;
        int inEach = (_mtu - _ip - (_v6 ? IpHeader.IPv6ExtensionLength : 0)) & ~7;
        int payload = first.Length + second.Length - header;
        byte* original = first.Start;
        first = new Bytes(original + header, first.Length - header);
        uint identification = _v6 ? ++_identification : _identification;
        batch.Fragmented();
        for (int offset = 0; offset < payload; offset += inEach)
        {
            int size = Math.Min(inEach, payload - offset);
            int more = offset + size < payload ? 1 : 0;
            byte* fragment = batch.Header(header + IpHeader.IPv6ExtensionLength);
            Unsafe.CopyBlockUnaligned(fragment, original, (uint)header);
            byte* ip = fragment + ETH_HLEN;
            if (_v6)
            {
                BigEndian.Write16(ip + 4, size + IpHeader.IPv6ExtensionLength);
                ip[6] = IPPROTO_FRAGMENT;
                byte* extension = ip + _ip;
                extension[0] = IPPROTO_UDP;
                extension[1] = 0;
                BigEndian.Write16(extension + 2, offset | more);
                BigEndian.Write32(extension + 4, identification);
            }
            else
            {
                WriteLengthAndSum(ip, _ip + size, identification, (offset >> 3) | (more * IpHeader.MoreFragments));
            }

            batch.Add(
                new Bytes(fragment, header + (_v6 ? IpHeader.IPv6ExtensionLength : 0)),
                first.Within(offset, size), second.Within(offset - first.Length, size),
                alone: true, moreFollows: more != 0);
        }
    }
}
