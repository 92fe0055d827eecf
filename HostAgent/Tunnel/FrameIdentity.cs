using System.Runtime.CompilerServices;
using HostAgent.Capture;

namespace HostAgent.Tunnel;

/// <summary>
/// What forwarding leaves as it is in a frame, as one key for each segment that the wire has of it: all from the IP header to the last byte
/// but TTL and checksums. A super-frame and its segments, cut or joined on the way from one link to the other, have the same keys. MACs and
/// VLAN tags do not count, since routing changes them; a frame that is not IP counts whole. Valid as long as the frame's memory is.
/// </summary>
internal unsafe ref struct FrameIdentity
{
    private const int MaxHeader = 192;
    private const int MaxTransportHeader = 60;
    private const byte FinAndPush = 0x09;
    private const byte CongestionWindowReduced = 0x80;

    private byte* _frame;
    private FrameLayout _layout;
    private bool _ports;
    private bool _cut;
    private bool _cwrOnFirstOnly;
    private int _header;
    private int _payload;
    private int _size;
    private ulong _headerHash;
    private int _length;
    private int _id;
    private int _datagramLength;
    private uint _sequence;
    private byte _flags;

    /// <summary>How many segments; 1 for an ordinary frame.</summary>
    public int Count { get; private set; }

    /// <summary>False where offload left the TCP or UDP checksum to be finished: then it will be right.</summary>
    public bool ChecksumFinished { get; private set; }

    /// <summary>The TCP or UDP checksum of the frame, in the host's byte order, where it is finished; else 0.</summary>
    public ushort Checksum { get; private set; }

    private readonly bool IsTcp => _layout.Protocol == FrameParser.ProtocolTcp;

    private readonly bool IsIPv4 => _layout.EtherType == FrameParser.EtherTypeIPv4;

    /// <param name="frame">The frame, of which nothing is missing.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="vni">There are copies within one VXLAN network only.</param>
    public static FrameIdentity Of(in Frame frame, in FrameLayout layout, uint vni)
    {
        var identity = new FrameIdentity { _frame = frame.Start, _layout = layout, Count = 1, ChecksumFinished = true };
        if (layout.Network == 0)
        {
            identity._headerHash = KeyedHash.Mix(KeyedHash.Of(frame.Start, frame.Length), vni);
            return identity;
        }

        identity.FindHeader(frame);
        identity._headerHash = KeyedHash.Mix(identity.ReadHeader(), vni);
        return identity;
    }

    /// <summary>The key of a segment.</summary>
    /// <param name="index">From 0 to <see cref="Count"/> - 1.</param>
    public readonly ulong Key(int index)
    {
        if (_layout.Network == 0) return _headerHash;
        int offset = index * _size, length = LengthOf(index);
        int ipLength = _cut ? _header - _layout.Network - (IsIPv4 ? 0 : 40) + length : _length;
        int datagram = _cut && !IsTcp ? 8 + length : _datagramLength;
        int id = IsIPv4 ? _id + index : 0;
        ulong numbers = ((ulong)(ushort)id << 48) | ((ulong)Flags(index) << 40) | ((ulong)(ushort)ipLength << 16) | (ushort)datagram;
        ulong key = KeyedHash.Mix(_headerHash ^ (IsTcp ? _sequence + (uint)offset : 0), numbers);
        return length > 0 ? KeyedHash.Mix(key, KeyedHash.Of(_frame + _header + offset, length)) : key;
    }

    /// <summary>The checksum that a segment of TCP or UDP must have on the wire, in the host's byte order.</summary>
    [SkipLocalsInit]
    public readonly ushort RightChecksum(int index)
    {
        byte* header = stackalloc byte[MaxTransportHeader];
        int offset = index * _size, length = LengthOf(index), bytes = _header - _layout.Transport;
        Unsafe.CopyBlockUnaligned(header, _frame + _layout.Transport, (uint)bytes);
        BigEndian.Write16(header + (IsTcp ? 16 : 6), 0);
        if (!IsTcp) BigEndian.Write16(header + 4, bytes + length);
        if (IsTcp) BigEndian.Write32(header + 4, _sequence + (uint)offset);
        if (IsTcp) header[13] = Flags(index);
        byte* ip = _frame + _layout.Network;
        ulong sum = InternetChecksum.Word(_layout.Protocol) + InternetChecksum.Word(bytes + length);
        sum = IsIPv4 ? InternetChecksum.Add(sum, ip + 12, 8) : InternetChecksum.Add(sum, ip + 8, 32);
        sum = InternetChecksum.Add(InternetChecksum.Add(sum, header, bytes), _frame + _header + offset, length);
        ushort checksum = InternetChecksum.Fold(sum);
        return BigEndian.Read16((byte*)&checksum) is var right && right == 0 && !IsTcp ? (ushort)0xFFFF : right;
    }

    private readonly int LengthOf(int index) => Math.Min(_size, _payload - (index * _size));

    private readonly byte Flags(int index)
    {
        int flags = _flags;
        if (index < Count - 1) flags &= ~FinAndPush;
        if (index > 0 && _cwrOnFirstOnly) flags &= ~CongestionWindowReduced;
        return (byte)flags;
    }

    /// <summary>Where that ends which all segments share, and how long each of them is.</summary>
    private void FindHeader(in Frame frame)
    {
        int at = _layout.Transport, end = frame.Length;
        int transport = _layout is not { Transport: > 0, Fragment: false } ? 0 : _layout.Protocol switch
        {
            FrameParser.ProtocolTcp when at + 20 <= end => (_frame[at + 12] >> 4) * 4,
            FrameParser.ProtocolUdp => 8,
            _ => 0,
        };
        _ports = transport >= (IsTcp ? 20 : 8) && at + transport <= end && at + transport - _layout.Network <= MaxHeader;
        // What has no ports is not cut: all behind the fixed part of its IP header is payload.
        _header = _ports ? at + transport : _layout.Network + (IsIPv4 ? 20 : 40);
        _payload = _size = end - _header;
        if (!_ports) return;

        FrameOffload offload = frame.Offload;
        bool here = !offload.NeedsChecksum || offload.ChecksumStart == at;
        bool cuttable = offload.Segmentation is SegmentationKind.TcpV4 or SegmentationKind.TcpV6 ? IsTcp : offload.Segmentation == SegmentationKind.Udp && !IsTcp;
        _cut = here && cuttable && offload.SegmentSize > 0 && _payload > 0;
        ChecksumFinished = !_cut && !(offload.NeedsChecksum && here);
        if (!_cut) return;
        _cwrOnFirstOnly = offload.CwrOnFirstOnly;
        _size = offload.SegmentSize;
        Count = (_payload + _size - 1) / _size;
    }

    /// <summary>Hashes the header without what forwarding changes, and without what differs between segments, which is kept apart.</summary>
    [SkipLocalsInit]
    private ulong ReadHeader()
    {
        byte* header = stackalloc byte[MaxHeader];
        int length = _header - _layout.Network;
        Unsafe.CopyBlockUnaligned(header, _frame + _layout.Network, (uint)length);
        if (IsIPv4)
        {
            _length = Take(header + 2);
            _id = Take(header + 4);
            header[8] = 0;
            _ = Take(header + 10);
        }
        else
        {
            _length = Take(header + 4);
            header[7] = 0;
        }

        if (_ports)
        {
            byte* transport = header + _layout.Transport - _layout.Network;
            ushort checksum = Take(transport + (IsTcp ? 16 : 6));
            if (ChecksumFinished) Checksum = checksum;
            if (IsTcp)
            {
                _sequence = ((uint)Take(transport + 4) << 16) | Take(transport + 6);
                _flags = transport[13];
                transport[13] = 0;
            }
            else
            {
                _datagramLength = Take(transport + 4);
            }
        }

        return KeyedHash.Of(header, length);
    }

    /// <summary>Reads a number and leaves zero.</summary>
    private static ushort Take(byte* at)
    {
        ushort value = BigEndian.Read16(at);
        Unsafe.WriteUnaligned(at, (ushort)0);
        return value;
    }
}
