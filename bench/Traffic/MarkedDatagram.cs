using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HostAgent.Bench.Traffic;

/// <summary>The payload of the benchmark's UDP datagrams, by which a sensor knows them and how old they are; host byte order.</summary>
internal static unsafe class MarkedDatagram
{
    public const int Size = 64;

    private const ulong Mark = 0x686F_7374_6265_6E63;

    /// <param name="at">Room for <see cref="Size"/> bytes.</param>
    /// <param name="time">Nanoseconds of Unix time.</param>
    public static void Write(byte* at, long time)
    {
        Unsafe.WriteUnaligned(at, Mark);
        Unsafe.WriteUnaligned(at + 8, time);
    }

    /// <summary>True, with the time of sending, when it is one of the benchmark's.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out long time)
    {
        bool marked = payload.Length >= 16 && MemoryMarshal.Read<ulong>(payload) == Mark;
        time = marked ? MemoryMarshal.Read<long>(payload[8..]) : 0;
        return marked;
    }
}
