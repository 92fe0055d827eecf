using System.Runtime.InteropServices;
using HostAgent.Capture;
using HostAgent.Frames;

namespace HostAgent.Tests.Tunnel;

/// <summary>A block of any frames in ordinary memory, with room before each.</summary>
internal sealed unsafe class PlacedBlock : FrameBlock
{
    private const int Headroom = 160;

    private readonly List<Frame> _frames = [];
    private int _next;

    public override int Count => _frames.Count;

    /// <summary>Adds a copy of a frame.</summary>
    public void Add(ReadOnlySpan<byte> bytes, Frame frame)
    {
        byte* memory = (byte*)NativeMemory.Alloc((nuint)(Headroom + bytes.Length));
        bytes.CopyTo(new Span<byte>(memory + Headroom, bytes.Length));
        _frames.Add(frame with { Start = memory + Headroom, Length = bytes.Length, Headroom = Headroom });
    }

    public override bool TryRead(out Frame frame)
    {
        frame = _next < _frames.Count ? _frames[_next] : default;
        return _next++ < _frames.Count;
    }

    public override void Dispose()
    {
        foreach (Frame frame in _frames) NativeMemory.Free(frame.Start - Headroom);
        _frames.Clear();
    }
}
