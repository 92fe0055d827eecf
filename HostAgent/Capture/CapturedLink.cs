using HostAgent.Filters;

namespace HostAgent.Capture;

/// <summary>A link whose frames are captured.</summary>
/// <param name="Index">The ifindex.</param>
/// <param name="Filter">
/// Which of its frames are wanted, of those that <see cref="CaptureOptions.Filter"/> wants; null for all of these.
/// </param>
public readonly record struct CapturedLink(int Index, FrameFilter? Filter = null);
