using HostAgent.Accounts;

namespace HostAgent.Capture;

/// <summary>
/// Frames of chosen links, in blocks that somebody owns until they are disposed. Disposing the capture invalidates its blocks.
/// </summary>
public interface ICapture : IDisposable
{
    /// <summary>
    /// From now on, frames of exactly these links are accepted, and of those the frames that their filters want; some others may come
    /// along. Any thread may call it. Frames accepted before are still handed over. None is missed that is wanted before and after.
    /// </summary>
    /// <returns>False when they could not be told apart where frames are accepted, so that frames that are not wanted come along.</returns>
    bool SetLinks(ReadOnlySpan<CapturedLink> links);

    /// <summary>
    /// A hint: from now on, only the heads of frames in these parts of these links' flows are needed. They may come cut
    /// (<see cref="Frame.HeadOnly"/>). Saying the same again costs nothing. Any thread may call it.
    /// </summary>
    void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows);

    /// <summary>
    /// A hint: from now on, of these flows only TCP segments with SYN, FIN or RST are needed, whole, and of the others the heads of a few,
    /// drawn by lot (<see cref="Frame.Unseen"/>). All may come whole as well. Saying the same again costs nothing. Any thread may call it.
    /// </summary>
    void NeedEndsOnly(ReadOnlySpan<LinkFlow> flows)
    {
    }

    /// <summary>
    /// The part of the capture's memory that holds frames not handed over yet, roughly, 0 to 1. The thread that calls <see cref="Next"/>
    /// may ask.
    /// </summary>
    double Backlog { get; }

    /// <summary>The next block in order, or null when none came within the time. One thread at a time.</summary>
    FrameBlock? Next(int timeoutMilliseconds);

    /// <summary>The counts since the capture was opened. Any thread may call it.</summary>
    CaptureStatistics ReadStatistics();
}
