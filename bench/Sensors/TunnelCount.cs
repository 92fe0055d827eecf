using System.Buffers.Binary;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;

namespace HostAgent.Bench.Sensors;

/// <summary>
/// Reads VXLAN datagrams as fast as can be and counts what they carry; judges them with the demo's own reading when told to verify.
/// </summary>
internal sealed unsafe class TunnelCount(int mtu)
{
    public const ushort Port = 4789;

    private const int Vxlan = 8, Ethernet = 14, UdpHeader = 8, TcpHeader = 20;

    private readonly long[] _ages = new long[1 << 20];
    private long _datagrams, _tcpPayload, _marked, _fragments, _oversize, _badInner;
    private RecentFrames _recent = new();
    private SensorTally _tally = new(Port, mtu);
    private bool _verifying;
    private long _duplicates;

    public void Reset(bool verify)
    {
        _datagrams = _tcpPayload = _marked = _fragments = _oversize = _badInner = _duplicates = 0;
        _recent = new RecentFrames();
        _tally = new SensorTally(Port, mtu);
        _verifying = verify;
    }

    public SensorCounts Report(long dropped)
    {
        SensorReport judged = _tally.Report(0);
        long[] sorted = _ages[..(int)Math.Min(_marked, _ages.Length)];
        Array.Sort(sorted);
        return new SensorCounts(
            _datagrams, _tcpPayload, _marked, _fragments, _oversize, _badInner + judged.BadChecksums + judged.Malformed,
            judged.BadOuterChecksums, _duplicates + judged.Duplicates, dropped, Quantile(sorted, 0.5), Quantile(sorted, 0.99));
    }

    /// <summary>Takes in an Ethernet frame from the sensor's link.</summary>
    /// <param name="frame">From the Ethernet header on.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="time">When it was there: nanoseconds of Unix time.</param>
    public void TakeFrame(byte* frame, int length, long time)
    {
        if (length < Ethernet + 28 || Read16(frame + 12) != 0x0800 || frame[Ethernet + 9] != 17) return;
        if (_verifying) _tally.Take(new ReadOnlySpan<byte>(frame, length));
        byte* ip = frame + Ethernet;
        int header = (*ip & 15) * 4, total = Read16(ip + 2);
        if ((Read16(ip + 6) & 0x3FFF) != 0)
        {
            _fragments++;
            return;
        }

        byte* udp = ip + header;
        if (Read16(udp + 2) != Port || Ethernet + total > length || total < header + UdpHeader) return;
        if (total > mtu) _oversize++;
        TakeDatagram(udp + UdpHeader, total - header - UdpHeader, time);
    }

    /// <summary>Takes in the payload of a UDP datagram, as a socket gives it.</summary>
    public void TakePayload(byte* payload, int length, long time)
    {
        if (_verifying && length > Vxlan)
        {
            if (InnerFrame.Judge(new ReadOnlySpan<byte>(payload + Vxlan, length - Vxlan), out ulong identity) != FrameVerdict.Right)
                _badInner++;
            if (_recent.Repeats(identity)) _duplicates++;
        }

        TakeDatagram(payload, length, time);
    }

    private void TakeDatagram(byte* vxlan, int length, long time)
    {
        _datagrams++;
        byte* ip = vxlan + Vxlan + Ethernet;
        int left = length - Vxlan - Ethernet;
        if (left < 20 || Read16(ip - 2) != 0x0800) return;
        int header = (*ip & 15) * 4, payload = Math.Min(left, Read16(ip + 2)) - header;
        if (ip[9] == 6 && payload >= TcpHeader)
        {
            _tcpPayload += payload - (ip[header + 12] >> 4) * 4;
        }
        else if (ip[9] == 17 && MarkedDatagram.TryRead(ip + header + UdpHeader, payload - UdpHeader, out long sent))
        {
            _ages[_marked++ & (_ages.Length - 1)] = time - sent;
        }
    }

    private static ushort Read16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));

    private static double? Quantile(long[] sorted, double q) => sorted.Length == 0 ? null : sorted[(int)(q * (sorted.Length - 1))] / 1000.0;
}
