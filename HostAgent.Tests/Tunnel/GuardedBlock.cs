using HostAgent.Capture;
using HostAgent.Frames;

namespace HostAgent.Tests.Tunnel;

/// <summary>A block of one frame that lies against guarded memory on the one side or the other.</summary>
internal sealed unsafe class GuardedBlock : FrameBlock
{
    private readonly GuardedMemory _memory = new(256 << 10);
    private Frame _frame;
    private bool _read;

    public override int Count => 1;

    /// <summary>Puts a frame into the block.</summary>
    /// <param name="bytes">The frame.</param>
    /// <param name="frame">What the kernel said about it; where it lies is filled in. No headroom puts it behind the guarded page instead
    /// of before the other one.</param>
    public void Place(ReadOnlySpan<byte> bytes, Frame frame)
    {
        byte* at = frame.Headroom == 0 ? _memory.Start : _memory.End - bytes.Length;
        bytes.CopyTo(new Span<byte>(at, bytes.Length));
        _frame = frame with { Start = at, Length = bytes.Length };
        _read = false;
    }

    public override bool TryRead(out Frame frame)
    {
        frame = _frame;
        return !_read && (_read = true);
    }

    public override void Dispose() => _memory.Dispose();
}
