using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tunnel;

/// <summary>pcapng: draft-ietf-opsawg-pcapng. One section of unknown length, timestamps in nanoseconds.</summary>
internal sealed unsafe class PcapngFormat : RecordFormat
{
    public const uint SectionHeader = 0x0A0D0D0A, InterfaceDescription = 1, InterfaceStatistics = 5, EnhancedPacket = 6;
    public const uint ByteOrderMagic = 0x1A2B3C4D;
    public const ushort Comment = 1, IfName = 2, IfDescription = 3, IfTsresol = 9;
    public const byte Nanoseconds = 9;

    private const ushort ShbUserappl = 4, IsbIfrecv = 4, IsbIfdrop = 5;
    private const string VniWord = ", VNI ";

    public override int HeaderLength => 28;

    public override bool HasInterfaces => true;

    public override byte[] FileHeader(SectionOrigin? origin = null)
    {
        var body = new ArrayBufferWriter<byte>();
        Write(body, ByteOrderMagic);
        Write<ushort>(body, 1);
        Write<ushort>(body, 0);
        Write(body, -1L);
        Option(body, ShbUserappl, "host-agent"u8);
        if (origin is { } from) Option(body, Comment, Encoding.UTF8.GetBytes(from.ToString()));
        return Block(SectionHeader, body);
    }

    public override byte[] Interface(MirroredLink link) => Interface(
        $"{link.Pod} {(link.Name.Length > 0 ? link.Name : $"ifindex {link.Index}")}",
        $"pod {link.Pod}, uid {link.Pod.Uid}, link {link.Name} (ifindex {link.Index}){VniWord}{link.Vni}");

    public override byte[] Canaries(uint vni) => Interface("canary", $"canaries of the host agent, no pod{VniWord}{vni}");

    /// <summary>The block of an interface of Ethernet frames with times in nanoseconds.</summary>
    public static byte[] Interface(string name, string description)
    {
        var body = new ArrayBufferWriter<byte>();
        Write<uint>(body, Ethernet);
        Write(body, 0u);
        Option(body, IfName, Encoding.UTF8.GetBytes(name));
        Option(body, IfDescription, Encoding.UTF8.GetBytes(description));
        Option(body, IfTsresol, [Nanoseconds]);
        return Block(InterfaceDescription, body);
    }

    /// <summary>
    /// The VNI that <see cref="Interface(MirroredLink)"/> or <see cref="Canaries"/> has put into a description; null when there is none.
    /// </summary>
    public static uint? VniOf(string description) =>
        description.LastIndexOf(VniWord, StringComparison.Ordinal) is >= 0 and int at
        && uint.TryParse(description.AsSpan(at + VniWord.Length), NumberStyles.None, CultureInfo.InvariantCulture, out uint vni)
        && vni <= PolicyReader.LargestVni ? vni : null;

    public override byte[] Statistics(int number, long timestamp, long seen, long lost)
    {
        var body = new ArrayBufferWriter<byte>();
        Write(body, number);
        Write(body, (uint)(timestamp >> 32));
        Write(body, (uint)timestamp);
        Option(body, IsbIfrecv, MemoryMarshal.AsBytes([seen]));
        Option(body, IsbIfdrop, MemoryMarshal.AsBytes([lost]));
        return Block(InterfaceStatistics, body);
    }

    public override void WriteHeader(byte* at, int number, long timestamp, int length)
    {
        Unsafe.WriteUnaligned(at, EnhancedPacket);
        Unsafe.WriteUnaligned(at + 4, BlockLength(length));
        Unsafe.WriteUnaligned(at + 8, number);
        Unsafe.WriteUnaligned(at + 12, (uint)(timestamp >> 32));
        Unsafe.WriteUnaligned(at + 16, (uint)timestamp);
        Unsafe.WriteUnaligned(at + 20, length);
        Unsafe.WriteUnaligned(at + 24, length);
    }

    public override int WriteTrailer(byte* at, int length)
    {
        int padding = Padding(length);
        Unsafe.WriteUnaligned(at, 0u);
        Unsafe.WriteUnaligned(at + padding, BlockLength(length));
        return padding + sizeof(uint);
    }

    private static int Padding(int length) => -length & 3;

    private int BlockLength(int length) => HeaderLength + length + Padding(length) + sizeof(uint);

    private static byte[] Block(uint type, ArrayBufferWriter<byte> body)
    {
        // The end of the options.
        Write(body, 0u);
        var block = new ArrayBufferWriter<byte>();
        int length = body.WrittenCount + (3 * sizeof(uint));
        Write(block, type);
        Write(block, length);
        block.Write(body.WrittenSpan);
        Write(block, length);
        return block.WrittenSpan.ToArray();
    }

    private static void Option(ArrayBufferWriter<byte> body, ushort code, ReadOnlySpan<byte> value)
    {
        Write(body, code);
        Write(body, (ushort)value.Length);
        body.Write(value);
        body.Write(stackalloc byte[Padding(value.Length)]);
    }

    private static void Write<T>(ArrayBufferWriter<byte> to, T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(to.GetSpan(sizeof(T)), value);
        to.Advance(sizeof(T));
    }
}
