using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace HostAgent.Lab;

/// <summary>
/// The Internet checksum's sum (RFC 1071), for the receiver only: the judge must not calculate with the code that it judges.
/// </summary>
internal static class OnesComplement
{
    /// <summary>Adds bytes to a sum. All runs of bytes but the last must have an even length.</summary>
    /// <returns>A sum in this machine's byte order, to be passed on or given to <see cref="IsRight"/>.</returns>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            sum += word;
            // The carry out of the top comes back in at the bottom.
            if (sum < word) sum++;
        }

        ulong rest = 0;
        ReadOnlySpan<byte> tail = bytes[(words.Length * 8)..];
        for (int i = 0; i < tail.Length; i++) rest |= (ulong)tail[i] << (8 * (BitConverter.IsLittleEndian ? i : 7 - i));
        sum += rest;
        return sum < rest ? sum + 1 : sum;
    }

    /// <summary>Adds the part of a pseudo header that is not addresses: the length and the protocol.</summary>
    public static ulong AddPseudo(ulong sum, int length, byte protocol)
    {
        Span<byte> part = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(part, length);
        BinaryPrimitives.WriteInt32BigEndian(part[4..], protocol);
        return Add(sum, part);
    }

    /// <summary>True when the sum over everything, the checksum included, is all ones.</summary>
    public static bool IsRight(ulong sum)
    {
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return sum == 0xFFFF;
    }

    /// <summary>Mixes bytes into a hash; not for adversaries.</summary>
    public static ulong Hash(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes) hash = (BitOperations.RotateLeft(hash, 5) ^ value) * 0x9E3779B97F4A7C15;
        return hash;
    }
}
