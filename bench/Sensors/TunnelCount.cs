using System.Buffers.Binary;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;

namespace HostAgent.Bench.Sensors;

/// <summary>Counts what VXLAN datagrams carry of the benchmark's own traffic, and how old it is.</summary>
/// <param name="mtu">Of the link, in bytes.</param>
/// <param name="verifies">False to read the datagrams as fast as can be, and judge nothing.</param>
/// <param name="ages">Room for as many ages as fit. A power of two, and always the same, so that its pages are there already.</param>
internal sealed class TunnelCount(int mtu, bool verifies, long[] ages) : SensorTally(Port, mtu, verifies)
{
    public const ushort Port = 4789;

    private const int Ethernet = 14, UdpHeader = 8, TcpHeader = 20;

    private long _tcpPayload, _marked;

    /// <summary>When what is taken in next was there: nanoseconds of Unix time.</summary>
    public long Time { get; set; }

    public SensorCounts Counts(long dropped)
    {
        SensorReport seen = Report(dropped);
        long[] sorted = ages[..(int)Math.Min(_marked, ages.Length)];
        Array.Sort(sorted);
        return new SensorCounts(
            seen.Frames, _tcpPayload, _marked, seen.Fragments, seen.Oversize, seen.BadChecksums + seen.Malformed, seen.BadOuterChecksums,
            seen.Duplicates, dropped, Quantile(sorted, 0.5), Quantile(sorted, 0.99));
    }

    protected override void Carried(ReadOnlySpan<byte> inner)
    {
        if (inner.Length < Ethernet + 20 || BinaryPrimitives.ReadUInt16BigEndian(inner[12..]) != 0x0800) return;
        ReadOnlySpan<byte> ip = inner[Ethernet..];
        int header = (ip[0] & 15) * 4, end = Math.Min(ip.Length, BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
        if (ip[9] == 6 && end - header >= TcpHeader)
        {
            _tcpPayload += end - header - ((ip[header + 12] >> 4) * 4);
        }
        else if (ip[9] == 17 && end - header >= UdpHeader
            && MarkedDatagram.TryRead(ip[(header + UdpHeader)..end], out long sent))
        {
            ages[_marked++ & (ages.Length - 1)] = Time - sent;
        }
    }

    private static double? Quantile(long[] sorted, double q) => sorted.Length == 0 ? null : sorted[(int)(q * (sorted.Length - 1))] / 1000.0;
}
