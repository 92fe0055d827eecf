namespace HostAgent.Accounts;

/// <summary>A capture's own counts.</summary>
/// <param name="Seen">Frames accepted, <paramref name="Dropped"/> included.</param>
/// <param name="Dropped">Frames of which nothing was kept, because there was no room, or because they were refused.</param>
/// <param name="UnknownOffload">
/// Those of <paramref name="Dropped"/> that no room would help: the kernel cannot describe what offload left undone in them. They are
/// counted a moment later than the others.
/// </param>
/// <param name="Overflows">How often the memory became full.</param>
public readonly record struct CaptureStatistics(long Seen, long Dropped, long UnknownOffload, long Overflows);
