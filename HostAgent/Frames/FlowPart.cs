using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace HostAgent.Frames;

/// <summary>
/// Divides all flows into equal parts, by arithmetic that C# and the kernel's filter both do: under overload the flows of some parts are
/// given up, and what is given up need not be copied. Both directions of a flow are in one part. The factors are secret, so that no pod can
/// tell which of its flows share a part, and hide the one behind a flood of the other.
/// </summary>
public static unsafe class FlowPart
{
    /// <summary>How many parts there are.</summary>
    public const int Count = 64;

    /// <summary>What is copied of a frame that is given up: its headers, for the account of it.</summary>
    public const int HeadBytes = 128;

    internal const int Fold = 15;
    internal const int PartShift = 26; // 32 bits less those of Count - 1

    internal static readonly uint WordFactor = Secret(), AddressFactor = Secret(), SumFactor = Secret(),
        DifferenceFactor = Secret(), LastFactor = Secret();

    /// <summary>The part of a flow, from 0 on.</summary>
    /// <param name="addresses">Source and destination address as they lie in an IP header.</param>
    /// <param name="words">The length of one address, in words of 32 bits.</param>
    /// <param name="source">The port, in the host's byte order; 0 when there is none.</param>
    /// <param name="destination">The other port.</param>
    public static int Of(byte* addresses, int words, uint source, uint destination)
    {
        uint mixed = (Address(addresses, words) ^ Address(addresses + (words * sizeof(uint)), words)) * AddressFactor;
        // Symmetric both, and together all there is to know about two ports but their order.
        mixed += (source + destination) * SumFactor;
        mixed += (source ^ destination) * DifferenceFactor;
        return (int)(((mixed ^ (mixed >> Fold)) * LastFactor) >> PartShift);
    }

    private static uint Secret() => BinaryPrimitives.ReadUInt32LittleEndian(RandomNumberGenerator.GetBytes(4)) | 1;

    private static uint Address(byte* at, int words)
    {
        uint folded = 0;
        for (int i = 0; i < words; i++)
            folded = (folded * WordFactor) + BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(at + (i * sizeof(uint))));
        return folded;
    }
}
