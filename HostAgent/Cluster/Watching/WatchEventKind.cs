namespace HostAgent.Cluster;

/// <summary>
/// The types of watch events (apimachinery's watch.EventType); 410 Gone, as a status or as an ERROR event, is <see cref="Expired"/>.
/// </summary>
public enum WatchEventKind
{
    Added,
    Modified,
    Deleted,
    Bookmark,

    /// <summary>The history asked for is gone: list again.</summary>
    Expired,
}
