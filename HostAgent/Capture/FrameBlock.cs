using HostAgent.Frames;

namespace HostAgent.Capture;

/// <summary>A run of frames in memory that belongs to whoever holds the block, until it disposes it. One reader.</summary>
public abstract class FrameBlock : IDisposable
{
    /// <summary>How many frames the block holds at most; reading tells.</summary>
    public abstract int Count { get; }

    /// <summary>Gives the next frame. Its memory is valid, and its holder's to change, until the block is disposed.</summary>
    public abstract bool TryRead(out Frame frame);

    /// <summary>Gives the memory back for new frames.</summary>
    public abstract void Dispose();
}
