using HostAgent.Capture;
using HostAgent.Frames;

namespace HostAgent.Pipeline;

/// <summary>A block that holds nothing: it has the sender adopt its plan and flush, in its turn and on its thread.</summary>
internal sealed class NoFrames : FrameBlock
{
    public static NoFrames Instance { get; } = new();

    public override int Count => 0;

    public override bool TryRead(out Frame frame)
    {
        frame = default;
        return false;
    }

    public override void Dispose()
    {
        // There is no memory to give back.
    }
}
