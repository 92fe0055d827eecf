namespace HostAgent.Cluster;

/// <summary>One event of a watch stream.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="ResourceVersion">The object's (or bookmark's) resourceVersion: where to resume after this event.</param>
/// <param name="Object">The object; null for <see cref="WatchEventKind.Bookmark"/> and <see cref="WatchEventKind.Expired"/>.</param>
public readonly record struct WatchEvent<T>(WatchEventKind Kind, string ResourceVersion, T? Object);
