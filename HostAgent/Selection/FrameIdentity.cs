using System.Runtime.CompilerServices;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Selection;

/// <summary>
/// What forwarding leaves as it is in a frame, as one key for each segment that the wire has of it: all from the IP header to the last byte
/// but TTL and checksums. A super-frame and its segments, cut or joined on the way from one link to the other, have the same keys. MACs and
/// VLAN tags do not count, since routing changes them; a frame that is not IP counts whole. Valid as long as the frame's memory is.
/// </summary>
internal unsafe ref struct FrameIdentity
{
    private const int MaxTransportHeader = 60;

    // The frame's headers, one by one: to copy a structure that was just written costs more than all of the hashing.
    private readonly byte* _ip;
    private readonly byte* _transport;
    private readonly byte* _payload;
    private readonly bool _tcp;
    private readonly bool _v4;
    private readonly bool _cut;
    private readonly bool _cwrOnFirstOnly;
    private readonly int _payloadLength;
    private readonly int _size;
    private readonly ulong _headerHash;
    private ulong _numbers;
    private uint _sequence;
    private byte _flags;

    /// <param name="frame">The frame, of which nothing is missing.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="vni">There are copies within one VXLAN network only.</param>
    public FrameIdentity(in Frame frame, in FrameLayout layout, uint vni)
    {
        Count = 1;
        ChecksumFinished = true;
        if (layout.Network == 0)
        {
            _headerHash = KeyedHash.Mix(KeyedHash.Of(frame.Start, frame.Length), vni);
            return;
        }

        byte* end = frame.Start + frame.Length;
        _ip = frame.Start + layout.Network;
        _v4 = layout.EtherType == ETH_P_IP;
        _tcp = layout.Protocol == IPPROTO_TCP;
        // What has no ports is not cut: all behind the fixed part of its IP header is payload.
        _payload = _ip + (_v4 ? 20 : 40);
        if (TransportHeader(frame, layout) is > 0 and int transport)
        {
            _transport = frame.Start + layout.Transport;
            _payload = _transport + transport;
            bool here = !frame.Offload.NeedsChecksum || frame.Offload.ChecksumStart == layout.Transport;
            _cut = here && frame.Offload.SegmentSize > 0 && _payload < end && frame.Offload.Segmentation switch
            {
                SegmentationKind.TcpV4 or SegmentationKind.TcpV6 => _tcp,
                SegmentationKind.Udp => !_tcp,
                _ => false,
            };
            ChecksumFinished = !_cut && !(frame.Offload.NeedsChecksum && here);
        }

        _payloadLength = _size = (int)(end - _payload);
        if (_cut)
        {
            _cwrOnFirstOnly = frame.Offload.CwrOnFirstOnly;
            _size = frame.Offload.SegmentSize;
            Count = (_payloadLength + _size - 1) / _size;
        }

        _headerHash = ReadHeader(vni);
    }

    /// <summary>How many segments; 1 for an ordinary frame.</summary>
    public int Count { get; }

    /// <summary>False where offload left the TCP or UDP checksum to be finished: then it will be right.</summary>
    public bool ChecksumFinished { get; }

    /// <summary>The TCP or UDP checksum of the frame, in the host's byte order, where it is finished; else 0.</summary>
    public ushort Checksum { get; private set; }

    /// <summary>The key of a segment.</summary>
    /// <param name="index">From 0 to <see cref="Count"/> - 1.</param>
    public readonly ulong Key(int index)
    {
        if (_ip == null) return _headerHash;
        int offset = index * _size, length = LengthOf(index);
        ulong key = KeyedHash.Mix(_headerHash ^ (_tcp ? _sequence + (uint)offset : 0), _cut ? NumbersOf(index, length) : _numbers);
        return KeyedHash.Mix(key, KeyedHash.Of(_payload + offset, length));
    }

    /// <summary>The checksum that a segment of TCP or UDP must have on the wire, in the host's byte order.</summary>
    [SkipLocalsInit]
    public readonly ushort RightChecksum(int index)
    {
        byte* header = stackalloc byte[MaxTransportHeader];
        int offset = index * _size, length = LengthOf(index), bytes = (int)(_payload - _transport);
        Unsafe.CopyBlockUnaligned(header, _transport, (uint)bytes);
        BigEndian.Write16(header + (_tcp ? 16 : 6), 0);
        if (!_tcp) BigEndian.Write16(header + 4, bytes + length);
        if (_tcp) BigEndian.Write32(header + 4, _sequence + (uint)offset);
        if (_tcp) header[13] = FlagsOf(index);
        ulong sum = InternetChecksum.Word(_tcp ? IPPROTO_TCP : IPPROTO_UDP) + InternetChecksum.Word(bytes + length);
        sum = _v4 ? InternetChecksum.Add(sum, _ip + 12, 8) : InternetChecksum.Add(sum, _ip + 8, 32);
        sum = InternetChecksum.Add(InternetChecksum.Add(sum, header, bytes), _payload + offset, length);
        ushort folded = InternetChecksum.Fold(sum), checksum = BigEndian.Read16((byte*)&folded);
        return checksum == 0 && !_tcp ? (ushort)0xFFFF : checksum;
    }

    private readonly int LengthOf(int index) => Math.Min(_size, _payloadLength - (index * _size));

    private readonly byte FlagsOf(int index) => SuperFrame.SegmentFlags(_flags, index == 0, index == Count - 1, _cwrOnFirstOnly);

    /// <summary>What the headers of a segment say of it: the IP id, TCP's flags, the lengths in the IP and UDP headers.</summary>
    private readonly ulong NumbersOf(int index, int length)
    {
        int id = _v4 ? (int)(_numbers >> 48) + index : 0;
        int packet = (int)(_payload - _ip) - (_v4 ? 0 : 40) + length;
        return Numbers(id, FlagsOf(index), packet, _tcp ? 0 : 8 + length);
    }

    private static ulong Numbers(int id, byte flags, int packet, int datagram) =>
        ((ulong)(ushort)id << 48) | ((ulong)flags << 40) | ((ulong)(ushort)packet << 16) | (ushort)datagram;

    /// <summary>The length of the TCP or UDP header; 0 where there is no sound one.</summary>
    private static int TransportHeader(in Frame frame, in FrameLayout layout)
    {
        if (layout.Transport == 0 || layout.Fragment) return 0;
        return layout.Protocol switch
        {
            IPPROTO_TCP => TcpHeader.LengthAt(frame, layout.Transport),
            IPPROTO_UDP when layout.Transport + UdpHeader.Length <= frame.Length => UdpHeader.Length,
            _ => 0,
        };
    }

    /// <summary>
    /// Hashes the header without what forwarding changes, and without what differs between segments, which is kept apart.
    /// </summary>
    private ulong ReadHeader(uint vni)
    {
        byte* ip = _ip;
        ulong hash;
        int packet = BigEndian.Read16(ip + (_v4 ? 2 : 4)), id = 0;
        if (_v4)
        {
            id = BigEndian.Read16(ip + 4);
            ulong service = Unsafe.ReadUnaligned<ushort>(ip), fragment = Unsafe.ReadUnaligned<ushort>(ip + 6);
            hash = KeyedHash.Mix(((ulong)vni << 40) | (service << 24) | (fragment << 8) | ip[9], Unsafe.ReadUnaligned<ulong>(ip + 12));
        }
        else
        {
            hash = KeyedHash.Mix(
                ((ulong)vni << 40) | ((ulong)Unsafe.ReadUnaligned<uint>(ip) << 8) | ip[6], Unsafe.ReadUnaligned<ulong>(ip + 8));
            hash = KeyedHash.Mix(hash, Unsafe.ReadUnaligned<ulong>(ip + 16));
            hash = KeyedHash.Mix(hash, Unsafe.ReadUnaligned<ulong>(ip + 24));
            hash = KeyedHash.Mix(hash, Unsafe.ReadUnaligned<ulong>(ip + 32));
        }

        if (_transport == null)
        {
            _numbers = Numbers(id, 0, packet, 0);
            return hash;
        }

        hash = WithOptions(hash, ip + (_v4 ? 20 : 40), _transport);
        ulong ports = (ulong)Unsafe.ReadUnaligned<uint>(_transport) << 32;
        if (ChecksumFinished) Checksum = BigEndian.Read16(_transport + (_tcp ? 16 : 6));
        if (!_tcp)
        {
            _numbers = Numbers(id, 0, packet, BigEndian.Read16(_transport + 4));
            return hash ^ ports;
        }

        (_sequence, _flags) = (BigEndian.Read32(_transport + 4), _transport[13]);
        _numbers = Numbers(id, _flags, packet, 0);
        // Beside checksum and flags: the header's length, the window, the urgent pointer.
        ulong rest = ((ulong)_transport[12] << 32) | ((ulong)Unsafe.ReadUnaligned<ushort>(_transport + 14) << 16)
            | Unsafe.ReadUnaligned<ushort>(_transport + 18);
        hash = KeyedHash.Mix(hash ^ (ports | Unsafe.ReadUnaligned<uint>(_transport + 8)), rest);
        return WithOptions(hash, _transport + 20, _payload);
    }

    /// <summary>Options and extension headers, which come in words of 32 bits.</summary>
    private static ulong WithOptions(ulong hash, byte* from, byte* to)
    {
        for (; from + 8 <= to; from += 8) hash = KeyedHash.Mix(hash, Unsafe.ReadUnaligned<ulong>(from));
        return from < to ? KeyedHash.Mix(hash, Unsafe.ReadUnaligned<uint>(from)) : hash;
    }
}
