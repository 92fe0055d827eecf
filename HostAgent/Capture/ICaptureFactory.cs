namespace HostAgent.Capture;

/// <summary>The seam to a way of capturing. The default is the kernel's shared ring, <see cref="RingCaptureFactory"/>.</summary>
public interface ICaptureFactory
{
    /// <summary>What does not hold with this way of capturing, in one sentence for an operator; null when all does.</summary>
    string? Note => null;

    /// <summary>
    /// Opens one capture per shard. They share the flows so that both directions of one reach the same capture; none accepts a frame yet.
    /// </summary>
    /// <param name="shards">How many, at least 1.</param>
    /// <exception cref="IOException">The operating system refused; the message names the call and the mend.</exception>
    IReadOnlyList<ICapture> Open(int shards);
}
