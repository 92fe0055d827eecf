using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HostAgent.Tunnel;

/// <summary>Classic pcap with nanoseconds: pcap-savefile(5), draft-ietf-opsawg-pcap.</summary>
internal sealed unsafe class PcapFormat : RecordFormat
{
    private const uint NanosecondMagic = 0xA1B23C4D;

    /// <summary>What tcpdump writes; some readers refuse 0, and records over it.</summary>
    private const uint Snaplen = 262_144;

    public override int HeaderLength => 16;

    public override bool HasInterfaces => false;

    public override byte[] FileHeader(SectionOrigin? origin = null) =>
        MemoryMarshal.AsBytes<uint>(
            [NanosecondMagic, BitConverter.IsLittleEndian ? 0x0004_0002u : 0x0002_0004u, 0, 0, Snaplen, Ethernet]).ToArray();

    public override void WriteHeader(byte* at, int number, long timestamp, int length)
    {
        (long seconds, long nanoseconds) = Math.DivRem(timestamp, 1_000_000_000);
        Unsafe.WriteUnaligned(at, (uint)seconds);
        Unsafe.WriteUnaligned(at + 4, (uint)nanoseconds);
        Unsafe.WriteUnaligned(at + 8, length);
        Unsafe.WriteUnaligned(at + 12, length);
    }
}
