using System.Runtime.CompilerServices;
using System.Text;
using HostAgent.Tunnel;
using static HostAgent.Tunnel.PcapngFormat;

namespace HostAgent.Relay;

/// <summary>
/// Reads the sections of an agent's stream (draft-ietf-opsawg-pcapng) from memory of fixed size. No length is believed before it is
/// compared with what there is.
/// </summary>
internal sealed unsafe class SectionReader
{
    private const int Capacity = 256 << 10, LongestBlock = 128 << 10, LongestHeader = 4 << 10, MostLinks = 4096;
    private const int Shortest = 12, PacketHeader = 28;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Capacity, pinned: true);
    private readonly List<int> _links = [];
    private int _start, _end;
    private bool _begun;

    /// <summary>Where more of the stream is to be put; records that were read before are gone.</summary>
    public Memory<byte> Room()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        return _buffer.AsMemory(_end);
    }

    /// <summary>So many bytes were put there.</summary>
    public void Filled(int bytes) => _end += bytes;

    /// <summary>Reads on.</summary>
    /// <param name="output">Gets links and records; null while no section has begun.</param>
    /// <param name="account">Is told of each record.</param>
    /// <returns>Where the section is from that begins now; null when more has to come first.</returns>
    /// <exception cref="MalformedStreamException">This is no such stream.</exception>
    public SectionOrigin? Take(IFrameOutput? output, AgentAccount? account)
    {
        fixed (byte* buffer = _buffer)
        {
            while (_end - _start >= Shortest)
            {
                byte* block = buffer + _start;
                uint type = Unsafe.ReadUnaligned<uint>(block);
                int length = LengthOf(block, type);
                if (_end - _start < length) return null;
                if (Unsafe.ReadUnaligned<int>(block + length - sizeof(int)) != length)
                    throw new MalformedStreamException("a block has two lengths");
                _start += length;
                if (type == SectionHeader) return Begin(block, length);
                if (type == InterfaceDescription) _links.Add(Introduce(output!, block, length));
                else if (type == EnhancedPacket) Read(output!, account!, block, length);
            }
        }

        return null;
    }

    private int LengthOf(byte* block, uint type)
    {
        if (type != SectionHeader && !_begun) throw new MalformedStreamException("it does not begin with a section header");
        if (type == SectionHeader && Unsafe.ReadUnaligned<uint>(block + 8) != ByteOrderMagic)
            throw new MalformedStreamException("a section is not in this machine's byte order");
        int length = Unsafe.ReadUnaligned<int>(block + 4);
        int longest = type is SectionHeader or InterfaceDescription ? LongestHeader : LongestBlock;
        int shortest = type switch
        {
            SectionHeader => 28,
            InterfaceDescription => 20,
            EnhancedPacket => PacketHeader + sizeof(int),
            _ => Shortest,
        };
        return length >= shortest && length <= longest && length % 4 == 0
            ? length
            : throw new MalformedStreamException($"a block of type {type:X} says it has {(uint)length} bytes");
    }

    private SectionOrigin Begin(byte* block, int length)
    {
        (_begun, string? comment) = (true, Option(block, 24, length, Comment));
        _links.Clear();
        return comment is not null && SectionOrigin.Parse(comment) is { } origin
            ? origin
            : throw new MalformedStreamException("a section does not say of which stream it is");
    }

    private int Introduce(IFrameOutput output, byte* block, int length)
    {
        if (_links.Count == MostLinks) throw new MalformedStreamException($"a section has more than {MostLinks} links");
        if (Unsafe.ReadUnaligned<ushort>(block + 8) != 1 || Option(block, 16, length, IfTsresol) is not [(char)Nanoseconds])
            throw new MalformedStreamException("a link is not of Ethernet with times in nanoseconds");
        return output.Introduce(Option(block, 16, length, IfName) ?? "", Option(block, 16, length, IfDescription) ?? "");
    }

    private void Read(IFrameOutput output, AgentAccount account, byte* block, int length)
    {
        uint link = Unsafe.ReadUnaligned<uint>(block + 8), captured = Unsafe.ReadUnaligned<uint>(block + 20);
        if (link >= _links.Count) throw new MalformedStreamException("a record is of a link that was not introduced");
        if (captured > length - PacketHeader - sizeof(int)) throw new MalformedStreamException("a frame is longer than its record");
        long timestamp = ((long)Unsafe.ReadUnaligned<uint>(block + 12) << 32) | Unsafe.ReadUnaligned<uint>(block + 16);
        output.Write(_links[(int)link], new ReceivedRecord(block, length, block + PacketHeader, (int)captured, timestamp));
        account.Record();
    }

    /// <summary>The text of the first option with this code; null without.</summary>
    /// <param name="block">Whole.</param>
    /// <param name="at">Where its options begin.</param>
    /// <param name="length">The block's.</param>
    /// <param name="code">The option's.</param>
    private static string? Option(byte* block, int at, int length, ushort code)
    {
        int end = length - sizeof(int);
        while (end - at >= sizeof(int))
        {
            ushort found = Unsafe.ReadUnaligned<ushort>(block + at), bytes = Unsafe.ReadUnaligned<ushort>(block + at + 2);
            at += sizeof(int);
            if (bytes > end - at) throw new MalformedStreamException("an option is longer than its block");
            if (found == code) return Encoding.UTF8.GetString(block + at, bytes);
            if (found == 0) return null;
            at += (bytes + 3) & ~3;
        }

        return null;
    }
}
