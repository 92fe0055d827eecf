using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace HostAgent.Frames;

/// <summary>Network byte order at unaligned addresses.</summary>
internal static unsafe class BigEndian
{
    public static ushort Read16(byte* at)
    {
        ushort value = Unsafe.ReadUnaligned<ushort>(at);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
    }

    public static uint Read32(byte* at)
    {
        uint value = Unsafe.ReadUnaligned<uint>(at);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
    }

    public static void Write16(byte* at, int value) =>
        Unsafe.WriteUnaligned(at, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)value) : (ushort)value);

    public static void Write32(byte* at, uint value) =>
        Unsafe.WriteUnaligned(at, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
}
