using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace HostAgent.Frames;

/// <summary>
/// Knows flows by arithmetic that C# and the kernel's filter both do, and divides them into equal parts: what is not sent need not be
/// copied. Both directions of a flow have one hash. The factors are secret, so that no pod can tell which of its flows share a hash or a
/// part, and hide the one behind a flood of the other.
/// </summary>
public static unsafe class FlowPart
{
    /// <summary>How many parts there are.</summary>
    public const int Count = 64;

    /// <summary>What is copied of a frame that is given up: its headers, for the account of it.</summary>
    public const int HeadBytes = 128;

    internal const int Fold = 15;
    internal const int PartShift = 26; // 32 bits less those of Count - 1

    internal static readonly uint WordFactor = Secret(), AddressFactor = Secret(), PortFactor = Secret(), EndFactor = Secret(),
        ProtocolFactor = Secret(), LastFactor = Secret();

    /// <summary>
    /// The hash of a flow. Each port is mixed with its own address: of two hosts, no other pair of ports has the same hash for certain.
    /// </summary>
    /// <param name="addresses">Source and destination address as they lie in an IP header.</param>
    /// <param name="words">The length of one address, in words of 32 bits.</param>
    /// <param name="protocol">The transport's number (IANA).</param>
    /// <param name="source">The port, in the host's byte order; 0 when there is none.</param>
    /// <param name="destination">The other port.</param>
    public static uint HashOf(byte* addresses, int words, uint protocol, uint source, uint destination)
    {
        uint ends = End(addresses, words, source) + End(addresses + (words * sizeof(uint)), words, destination);
        return Folded(ends + (protocol * ProtocolFactor)) * LastFactor;
    }

    /// <summary>The part of all flows that a hash belongs to, from 0 on.</summary>
    public static int Of(uint hash) => (int)(hash >> PartShift);

    private static uint Secret() => BinaryPrimitives.ReadUInt32LittleEndian(RandomNumberGenerator.GetBytes(4)) | 1;

    private static uint Folded(uint number) => number ^ (number >> Fold);

    /// <summary>One end of a flow. The sum of two does not depend on their order.</summary>
    private static uint End(byte* address, int words, uint port) =>
        Folded((Address(address, words) * AddressFactor) + (port * PortFactor)) * EndFactor;

    private static uint Address(byte* at, int words)
    {
        uint folded = 0;
        for (int i = 0; i < words; i++)
            folded = (folded * WordFactor) + BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(at + (i * sizeof(uint))));
        return folded;
    }
}
