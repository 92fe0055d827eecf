using System.Runtime.CompilerServices;
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
    // The segments of all the super-frames that a block of the ring holds.
    private const int MaxMessages = 256;

    private readonly NativeSocket _socket;
    private readonly SendBatch _batch;
    private readonly SegmentedRuns? _runs;
    private readonly OuterHeaders _outer;
    private readonly int _mtu;

    /// <param name="sensor">Where to.</param>
    /// <param name="policy">Ports.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <exception cref="ErrnoException">The link is gone (ENODEV), or CAP_NET_RAW is missing (EPERM).</exception>
    public LinkTransport(SensorEndpoint sensor, SensorPolicy policy, ShardLedger ledger, int shard)
        : base(policy)
    {
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

        _outer = new OuterHeaders(sensor, sensor.Port);
        try
        {
            _runs = SegmentedRuns.For(sensor.Link, _outer.V6, _outer.PseudoSum);
        }
        catch
        {
            _socket.Dispose();
            _outer.Dispose();
            throw;
        }

        _batch = new SocketBatch(_socket, ledger, shard, MaxMessages, runs: _runs);
    }

    public override int HeaderLength => _outer.Length;

    public override int MaxInnerFrame { get; }

    public override bool LeaveTogether(int count, int length) => _runs?.Reaches(count, Vxlan.HeaderLength + length) ?? false;

    public override SendBatch BatchOf(uint flowHash) => _batch;

    protected override void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        byte* at = frame - HeaderLength;
        _outer.Write(at, vni, SourcePort(flowHash), length, _outer.V6 ? InternetChecksum.Add(0, frame, length) : null);
        Add(batch, new Bytes(at, HeaderLength + length), default);
    }

    protected override void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        if (_outer.V6 && sum is null)
        {
            sum = InternetChecksum.Add(0, header + HeaderLength, innerHeaderLength);
            sum = InternetChecksum.AddAfter(sum.Value, innerHeaderLength, payload, payloadLength);
        }

        _outer.Write(header, vni, SourcePort(flowHash), innerHeaderLength + payloadLength, sum);
        Add(batch, new Bytes(header, HeaderLength + innerHeaderLength), new Bytes(payload, payloadLength));
    }

    protected override bool WriteBeside(uint vni, uint flowHash, byte* frame, int length)
    {
        byte* at = frame - HeaderLength;
        _outer.Write(at, vni, SourcePort(flowHash), length, _outer.V6 ? InternetChecksum.Add(0, frame, length) : null);
        return _socket.Send(at, HeaderLength + length) == 0;
    }

    public override void Flush() => _batch.Flush();

    public override void Dispose()
    {
        _batch.Dispose();
        _runs?.Dispose();
        _socket.Dispose();
        _outer.Dispose();
    }

    private void Add(SendBatch batch, Bytes first, Bytes second)
    {
        if (first.Length + second.Length <= HeaderLength + MaxInnerFrame) batch.Add(first, second);
        else AddFragments(batch, first, second);
    }

    /// <summary>Cuts a finished datagram into IP fragments, each a frame that fits the link.</summary>
    private void AddFragments(SendBatch batch, Bytes first, Bytes second)
    {
        bool v6 = _outer.V6;
        int ipLength = _outer.IpLength;
        int header = ETH_HLEN + ipLength;
        int inEach = (_mtu - ipLength - (v6 ? IpHeader.IPv6ExtensionLength : 0)) & ~7;
        int payload = first.Length + second.Length - header;
        byte* original = first.Start;
        first = new Bytes(original + header, first.Length - header);
        uint identification = v6 ? _outer.Next() : _outer.Identification;
        batch.Fragmented();
        for (int offset = 0; offset < payload; offset += inEach)
        {
            int size = Math.Min(inEach, payload - offset);
            int more = offset + size < payload ? 1 : 0;
            byte* fragment = batch.Header(header + IpHeader.IPv6ExtensionLength);
            Unsafe.CopyBlockUnaligned(fragment, original, (uint)header);
            byte* ip = fragment + ETH_HLEN;
            if (v6)
            {
                BigEndian.Write16(ip + 4, size + IpHeader.IPv6ExtensionLength);
                ip[6] = IPPROTO_FRAGMENT;
                byte* extension = ip + ipLength;
                extension[0] = IPPROTO_UDP;
                extension[1] = 0;
                BigEndian.Write16(extension + 2, offset | more);
                BigEndian.Write32(extension + 4, identification);
            }
            else
            {
                _outer.WriteLengthAndSum(ip, ipLength + size, identification, (offset >> 3) | (more * IpHeader.MoreFragments));
            }

            batch.Add(
                new Bytes(fragment, header + (v6 ? IpHeader.IPv6ExtensionLength : 0)),
                first.Within(offset, size), second.Within(offset - first.Length, size),
                alone: true, moreFollows: more != 0);
        }
    }
}
