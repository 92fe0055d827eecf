namespace HostAgent.Capture;

/// <summary>A capture's own counts.</summary>
/// <param name="Seen">Frames accepted, <paramref name="Dropped"/> included.</param>
/// <param name="Dropped">Frames for which there was no room.</param>
public readonly record struct CaptureStatistics(long Seen, long Dropped);
