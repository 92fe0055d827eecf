using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace HostAgent.Selection;

/// <summary>
/// Hashes with secrets of this process, so that no pod can compute a frame that is taken for another one. Long data goes through XXH3 (its
/// specification is doc/xxhash_spec.md of the xxHash project), which reads at memory speed; for short data the call would cost more than
/// the few multiplications that it takes.
/// </summary>
internal static unsafe class KeyedHash
{
    private const int Short = 128;

    private static readonly long Seed = (long)Secret();
    private static readonly ulong First = Secret(), Second = Secret(), Step = Secret() | 1;

    public static ulong Of(byte* data, int length)
    {
        if (length > Short) return XxHash3.HashToUInt64(new ReadOnlySpan<byte>(data, length), Seed);
        // Products that do not wait for each other; each place has secrets of its own, so that no two can be exchanged.
        ulong sum = (ulong)length, first = First, second = Second;
        for (; length > 16; data += 16, length -= 16)
        {
            sum += Fold(Read64(data) ^ first, Read64(data + 8) ^ second);
            first += Step;
            second += Step;
        }

        (ulong start, ulong end) = length switch
        {
            >= 8 => (Read64(data), Read64(data + length - 8)),
            >= 4 => ((ulong)Read32(data), Read32(data + length - 4)),
            > 0 => (data[0], (ulong)data[length >> 1] | ((ulong)data[length - 1] << 8)),
            _ => (0ul, 0ul),
        };
        return sum + Fold(start ^ ~first, end ^ ~second);
    }

    /// <summary>XXH3 for data that does not lie in one piece. Not thread-safe.</summary>
    public static XxHash3 NewStream() => new(Seed);

    /// <summary>A number that no other pair of numbers has, as far as one can know without the secrets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mix(ulong a, ulong b) => Fold(a ^ First, b ^ Second) ^ a;

    private static ulong Fold(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }

    private static ulong Read64(byte* at) => Unsafe.ReadUnaligned<ulong>(at);

    private static ulong Read32(byte* at) => Unsafe.ReadUnaligned<uint>(at);

    private static ulong Secret() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(8));
}
