using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace HostAgent.Frames;

/// <summary>
/// The Internet checksum (RFC 1071). Sums are taken in the machine's own byte order, which the arithmetic permits, and stay unfolded in
/// 64 bits until <see cref="Fold"/>. A sum over several parts is right when every part but the last has an even length.
/// </summary>
internal static unsafe class InternetChecksum
{
    /// <summary>Adds the bytes to a running sum; an odd last byte counts as if a zero followed.</summary>
    public static ulong Add(ulong sum, byte* data, int length)
    {
        // 128 bits, which every processor has for which this is compiled ahead. Twice as wide is faster in a processor's own memory, but
        // not on a frame, which comes from the ring (docs/performance.md).
        if (Vector128.IsHardwareAccelerated && length >= 64)
        {
            Vector128<ulong> even = Vector128<ulong>.Zero, odd = Vector128<ulong>.Zero,
                evenToo = Vector128<ulong>.Zero, oddToo = Vector128<ulong>.Zero;
            for (; length >= 32; data += 32, length -= 32)
            {
                Vector128<ulong> first = Vector128.Load((ulong*)data), second = Vector128.Load((ulong*)(data + 16));
                // Even and odd halves apart, by a mask and a shift: cheaper than widening, which crosses lanes.
                even += first & Vector128.Create(0xFFFFFFFFul);
                odd += first >>> 32;
                evenToo += second & Vector128.Create(0xFFFFFFFFul);
                oddToo += second >>> 32;
            }

            sum = AddCarry(sum, Vector128.Sum(even + odd + evenToo + oddToo));
        }

        for (; length >= 8; data += 8, length -= 8) sum = AddCarry(sum, Unsafe.ReadUnaligned<ulong>(data));
        if (length >= 4)
        {
            sum = AddCarry(sum, Unsafe.ReadUnaligned<uint>(data));
            data += 4;
            length -= 4;
        }

        if (length >= 2)
        {
            sum = AddCarry(sum, Unsafe.ReadUnaligned<ushort>(data));
            data += 2;
            length -= 2;
        }

        if (length > 0) sum = AddCarry(sum, BitConverter.IsLittleEndian ? *data : (ulong)*data << 8);
        return sum;
    }

    /// <summary>Adds bytes that follow <paramref name="before"/> bytes already summed, which may be an odd number.</summary>
    public static ulong AddAfter(ulong sum, int before, byte* data, int length)
    {
        if ((before & 1) == 0) return Add(sum, data, length);
        // Bytes at odd places count in the other half of their word: sum them apart and swap (RFC 1071, section 2 (B)).
        ushort part = (ushort)~Fold(Add(0, data, length));
        return AddCarry(sum, (ushort)((part << 8) | (part >> 8)));
    }

    /// <summary>A number of the pseudo-header, such as a length or a protocol, as it adds to a sum.</summary>
    public static ulong Word(int value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)value) : (ushort)value;

    /// <summary>The one's complement of the folded sum, in the machine's byte order: to be stored as it is.</summary>
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFFFFFF) + (sum >> 32);
        sum = (sum & 0xFFFFFFFF) + (sum >> 32);
        uint half = ((uint)sum & 0xFFFF) + ((uint)sum >> 16);
        half = (half & 0xFFFF) + (half >> 16);
        return (ushort)~half;
    }

    private static ulong AddCarry(ulong a, ulong b)
    {
        ulong sum = a + b;
        return sum < b ? sum + 1 : sum;
    }
}
