using HostAgent.Filters;

namespace HostAgent.Capture;

/// <summary>
/// The shape of the ring. The defaults hold a burst of a quarter of a second at 1 Gbit/s and wake up at most 500 times a second.
/// </summary>
/// <param name="RingBytes">All shards together.</param>
/// <param name="BlockBytes">A power of two and a multiple of the page size; no frame longer than this can be captured whole.</param>
/// <param name="BlockTimeoutMilliseconds">After this time a block is handed over although it is not full: the latency when little is going
/// on.</param>
public sealed record CaptureOptions(int RingBytes = 32 << 20, int BlockBytes = 256 << 10, int BlockTimeoutMilliseconds = 2)
{
    /// <summary>
    /// Which frames are wanted; null for all. A capture keeps the others out where that costs least, but may hand over some of them.
    /// </summary>
    public FrameFilter? Filter { get; init; }
}
