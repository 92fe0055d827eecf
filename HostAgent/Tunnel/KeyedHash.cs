using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace HostAgent.Tunnel;

/// <summary>
/// Hashes with secrets of this process, so that no pod can compute a frame that is taken for another one. XXH3 (its specification is in the
/// xxHash repository, doc/xxhash_spec.md) reads long frames at memory speed; numbers are mixed by a multiplication.
/// </summary>
internal static unsafe class KeyedHash
{
    private static readonly long Seed = (long)Secret();
    private static readonly ulong First = Secret(), Second = Secret();

    public static ulong Of(byte* data, int length) => XxHash3.HashToUInt64(new ReadOnlySpan<byte>(data, length), Seed);

    /// <summary>For data that does not lie in one piece: appended piece by piece it has the hash of the whole. Not thread-safe.</summary>
    public static XxHash3 NewStream() => new(Seed);

    /// <summary>A number that no other pair of numbers has, as far as one can know without the secrets.</summary>
    public static ulong Mix(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a ^ First, b ^ Second, out ulong low);
        return high ^ BitOperations.RotateLeft(low, 17) ^ (a * (Second | 1));
    }

    private static ulong Secret() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(8));
}
