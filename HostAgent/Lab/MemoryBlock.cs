using HostAgent.Capture;
using HostAgent.Frames;

namespace HostAgent.Lab;

/// <summary>A block of frames in ordinary memory that can be read again once it was given back: a capture without the kernel.</summary>
/// <param name="givenBack">Told each time.</param>
internal sealed unsafe class MemoryBlock(Action? givenBack = null) : FrameBlock
{
    private const int Headroom = 160;

    /// <summary>More than all headers whose checksum the agent finishes in place.</summary>
    private const int HeadLength = 128;

    private readonly List<Run> _runs = [];
    private int _run;
    private int _copy;

    public override int Count => _runs.Sum(run => run.Copies);

    /// <summary>Adds copies of a frame, with room before each.</summary>
    /// <param name="bytes">The frame.</param>
    /// <param name="frame">What the kernel says about it; where it lies is filled in.</param>
    /// <param name="copies">How many, one behind the other.</param>
    public void Add(ReadOnlySpan<byte> bytes, Frame frame, int copies = 1)
    {
        int stride = (Headroom + bytes.Length + 15) & ~15;
        byte[] memory = GC.AllocateUninitializedArray<byte>(stride * copies, pinned: true);
        for (int i = 0; i < copies; i++) bytes.CopyTo(memory.AsSpan((i * stride) + Headroom));
        fixed (byte* start = memory)
        {
            Frame first = frame with { Start = start + Headroom, Length = bytes.Length, Headroom = Headroom };
            _runs.Add(new Run(first, HeadOf(first), memory, copies, stride));
        }
    }

    /// <summary>Adds a frame where it lies.</summary>
    public void Add(Frame frame) => _runs.Add(new Run(frame, HeadOf(frame), null, 1, 0));

    public override bool TryRead(out Frame frame)
    {
        frame = default;
        if (_run == _runs.Count) return false;
        Run run = _runs[_run];
        frame = run.First;
        frame.Start += _copy * run.Stride;
        if (++_copy == run.Copies) (_run, _copy) = (_run + 1, 0);
        // An unfinished checksum is finished in place; the next round needs it unfinished again.
        if (frame.Offload.NeedsChecksum) run.Head.CopyTo(new Span<byte>(frame.Start, run.Head.Length));
        return true;
    }

    public override void Dispose()
    {
        (_run, _copy) = (0, 0);
        givenBack?.Invoke();
    }

    private static byte[] HeadOf(Frame frame) => new ReadOnlySpan<byte>(frame.Start, Math.Min(frame.Length, HeadLength)).ToArray();

    /// <param name="First">The first of the equal frames.</param>
    /// <param name="Head">Its first bytes, as they were.</param>
    /// <param name="Memory">Keeps the frames from the garbage collector; null for memory of somebody else's.</param>
    /// <param name="Copies">How many frames there are.</param>
    /// <param name="Stride">Bytes from one to the next.</param>
    private sealed record Run(Frame First, byte[] Head, byte[]? Memory, int Copies, int Stride);
}
