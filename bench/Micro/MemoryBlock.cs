using System.Runtime.InteropServices;
using HostAgent.Capture;
using HostAgent.Frames;

namespace HostAgent.Bench.Micro;

/// <summary>A block of equal frames in ordinary memory, read again and again: the hot path without the kernel's half of it.</summary>
internal sealed unsafe class MemoryBlock : FrameBlock
{
    public const int Frames = 128;

    private const int Headroom = 128;
    private readonly byte* _memory;
    private readonly int _stride;
    private readonly Frame _frame;
    private readonly byte[] _headers;
    private readonly Action? _disposed;
    private int _next;

    /// <param name="kind">Its content.</param>
    /// <param name="disposed">Told each time the block is given back.</param>
    public MemoryBlock(FrameKind kind, Action? disposed = null)
    {
        (byte[] frame, FrameOffload offload) = kind switch
        {
            FrameKind.SmallUdp => (FrameBytes.Udp(64), default),
            FrameKind.TcpSegment => (FrameBytes.Tcp(1448), FrameBytes.TcpOffload(0)),
            _ => (FrameBytes.Tcp(45 * 1448), FrameBytes.TcpOffload(1448)),
        };
        _disposed = disposed;
        _stride = (Headroom + frame.Length + 15) & ~15;
        _memory = (byte*)NativeMemory.Alloc((nuint)(_stride * Frames));
        _headers = frame[..Math.Min(frame.Length, 128)];
        _frame = new Frame { Length = frame.Length, Headroom = Headroom, LinkIndex = 7, Offload = offload };
        for (int i = 0; i < Frames; i++) frame.CopyTo(new Span<byte>(_memory + (i * _stride) + Headroom, frame.Length));
    }

    public override int Count => Frames;

    public override bool TryRead(out Frame frame)
    {
        frame = _frame;
        if (_next == Frames) return false;
        frame.Start = _memory + (_next++ * _stride) + Headroom;
        // An unfinished checksum is finished in place; the next round needs it unfinished again.
        if (frame.Offload.NeedsChecksum) _headers.CopyTo(new Span<byte>(frame.Start, _headers.Length));
        return true;
    }

    public override void Dispose()
    {
        _next = 0;
        _disposed?.Invoke();
    }
}
