using System.Runtime.InteropServices;
using HostAgent.Frames;

namespace HostAgent.Capture;

/// <summary>
/// Copies of frames that lay in memory of somebody else, with room before each; disposing gives it back to be filled again.
/// </summary>
internal sealed unsafe class CopyBlock(CopyBlocks owner) : FrameBlock
{
    /// <summary>libpcap hands over no Ethernet frame longer than this (MAXIMUM_SNAPLEN).</summary>
    public const int LongestFrame = 256 << 10;

    // What the tunnel writes before a frame is 70 bytes at most.
    private const int Headroom = 128, Bytes = Headroom + LongestFrame, Frames = 512;

    private readonly byte* _memory = (byte*)NativeMemory.Alloc(Bytes);
    private readonly Frame[] _frames = new Frame[Frames];
    private int _count, _used, _next;

    public override int Count => _count;

    /// <summary>Forgets what it held.</summary>
    public void Clear() => _count = _used = _next = 0;

    /// <summary>Adds a copy; false when there is no room for it, which an empty block always has.</summary>
    /// <param name="frame">Where it lies, and what is to be said of it.</param>
    public bool TryAdd(Frame frame)
    {
        int length = Math.Min(frame.Length, LongestFrame);
        if (_count == Frames || _used + Headroom + length > Bytes) return false;
        byte* start = _memory + _used + Headroom;
        Buffer.MemoryCopy(frame.Start, start, length, length);
        frame.Missing += frame.Length - length;
        frame.Start = start;
        frame.Length = length;
        frame.Headroom = Headroom;
        _frames[_count++] = frame;
        _used += Headroom + length;
        return true;
    }

    public override bool TryRead(out Frame frame)
    {
        frame = _next < _count ? _frames[_next++] : default;
        return frame.Start != null;
    }

    public override void Dispose() => owner.Release(this);

    /// <summary>To be called when nobody uses it any more.</summary>
    public void Free() => NativeMemory.Free(_memory);
}
