namespace HostAgent.Deciding;

/// <summary>The last few changes of what is captured. One thread adds, any thread may look.</summary>
internal sealed class RecentChanges
{
    /// <summary>As many as somebody reads who asks what has just happened; the log has them all.</summary>
    internal const int Kept = 20;

    private volatile RecentChange[] _newest = [];

    /// <summary>The newest first. It is another list after each change, so whoever holds one can tell whether it is still so.</summary>
    public IReadOnlyList<RecentChange> Newest => _newest;

    public void Add(RecentChange change) => _newest = [change, .. _newest.Take(Kept - 1)];
}
