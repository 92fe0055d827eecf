using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Lab;
using Microsoft.Win32.SafeHandles;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Memory with a page that may not be touched on either side: reading or writing one byte too far ends the process (mmap(2)).
/// </summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const int ProtNone = 0, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20;

    private readonly byte* _mapping;

    /// <param name="length">Bytes, rounded up to whole pages.</param>
    public GuardedMemory(int length)
    {
        int page = Environment.SystemPageSize;
        Length = (length + page - 1) / page * page;
        using var nothing = new SafeFileHandle(-1, ownsHandle: false);
        _mapping = Map(null, Length + (2 * page), ProtNone, 0, nothing);
        Start = Map(_mapping + page, Length, SysMman.PROT_READ | SysMman.PROT_WRITE, MapFixed, nothing);
    }

    public int Length { get; }

    /// <summary>The first byte; the one before it is guarded.</summary>
    public byte* Start { get; }

    /// <summary>The first guarded byte behind.</summary>
    public byte* End => Start + Length;

    /// <summary>A block of one frame, right before a guarded page, or without headroom right behind the other.</summary>
    /// <param name="bytes">The frame. It replaces that of an earlier block.</param>
    /// <param name="frame">What the kernel said about it; where it lies is filled in.</param>
    public MemoryBlock BlockOf(ReadOnlySpan<byte> bytes, Frame frame)
    {
        byte* at = frame.Headroom == 0 ? Start : End - bytes.Length;
        bytes.CopyTo(new Span<byte>(at, bytes.Length));
        var block = new MemoryBlock();
        block.Add(frame with { Start = at, Length = bytes.Length });
        return block;
    }

    public void Dispose()
    {
        if (SysMman.munmap(_mapping, (nuint)(Length + (2 * Environment.SystemPageSize))) != 0)
            throw ErrnoException.Last("munmap", "guarded memory");
    }

    private static byte* Map(byte* at, int length, int protection, int flags, SafeFileHandle nothing)
    {
        void* mapped = SysMman.mmap(at, (nuint)length, protection, MapPrivate | MapAnonymous | flags, nothing, 0);
        return mapped == SysMman.MapFailed ? throw ErrnoException.Last("mmap", "guarded memory") : (byte*)mapped;
    }
}
