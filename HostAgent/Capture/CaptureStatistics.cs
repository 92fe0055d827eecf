namespace HostAgent.Capture;

/// <summary>A capture's own counts.</summary>
/// <param name="Seen">Frames accepted, <paramref name="Dropped"/> and <paramref name="Refused"/> included.</param>
/// <param name="Dropped">Frames for which there was no room.</param>
/// <param name="Refused">Frames that the kernel could not hand over, because it has no words for what offload left undone in them.</param>
/// <param name="Overflows">How often the memory became full.</param>
public readonly record struct CaptureStatistics(long Seen, long Dropped, long Refused, long Overflows);
