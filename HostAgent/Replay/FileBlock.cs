using System.Runtime.InteropServices;
using HostAgent.Capture;

namespace HostAgent.Replay;

/// <summary>Copies of a file's frames, with room before each; disposing gives it back to be filled again.</summary>
internal sealed unsafe class FileBlock(Action<FileBlock> release) : FrameBlock
{
    // What the tunnel writes before a frame is 70 bytes at most. libpcap hands over no Ethernet frame longer than 256 KiB.
    private const int Headroom = 128, LongestFrame = 256 << 10, Bytes = Headroom + LongestFrame, Frames = 512;

    private readonly byte* _memory = (byte*)NativeMemory.Alloc(Bytes);
    private readonly Frame[] _frames = new Frame[Frames];
    private int _count, _used, _next;

    public override int Count => _count;

    /// <summary>Forgets what it held.</summary>
    public void Clear() => _count = _used = _next = 0;

    /// <summary>Adds a copy; false when there is no room for it, which an empty block always has.</summary>
    /// <param name="recorded">From the file.</param>
    /// <param name="link">The ifindex that it is said to be from.</param>
    /// <param name="now">Its time: nanoseconds of Unix time.</param>
    public bool TryAdd(in RecordedFrame recorded, int link, long now)
    {
        int length = Math.Min(recorded.Length, LongestFrame);
        if (_count == Frames || _used + Headroom + length > Bytes) return false;
        byte* start = _memory + _used + Headroom;
        Buffer.MemoryCopy(recorded.Start, start, length, length);
        _frames[_count++] = new Frame
        {
            Start = start,
            Length = length,
            Headroom = Headroom,
            LinkIndex = link,
            Missing = recorded.Missing + (recorded.Length - length),
            Timestamp = now,
        };
        _used += Headroom + length;
        return true;
    }

    public override bool TryRead(out Frame frame)
    {
        frame = _next < _count ? _frames[_next++] : default;
        return frame.Start != null;
    }

    public override void Dispose() => release(this);

    /// <summary>To be called when nobody uses it any more.</summary>
    public void Free() => NativeMemory.Free(_memory);
}
