using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>
/// The objects of one resource as last heard of: an immutable snapshot by uid that one <see cref="ListWatch{T}"/> replaces. What a list
/// no longer holds is gone, so nothing is ever kept for good.
/// </summary>
public sealed class ResourceStore<T>
    where T : class, IResource
{
    private volatile ImmutableDictionary<string, T> _current = ImmutableDictionary.Create<string, T>(StringComparer.Ordinal);
    private volatile bool _synced;

    /// <summary>
    /// <see cref="Current"/> or <see cref="Synced"/> changed. Raised on the task of the list-watch; to be handled briefly.
    /// </summary>
    public event Action? Changed;

    /// <summary>By uid.</summary>
    public ImmutableDictionary<string, T> Current => _current;

    /// <summary>True once a complete list was read; it stays true when the source goes away, since the last knowledge is kept.</summary>
    public bool Synced => _synced;

    /// <summary>Takes a complete list. An object that has not changed stays the same instance.</summary>
    internal void Replace(IEnumerable<T> items)
    {
        ImmutableDictionary<string, T> before = _current;
        ImmutableDictionary<string, T>.Builder next = before.ToBuilder();
        var gone = new HashSet<string>(before.Keys, StringComparer.Ordinal);
        foreach (T item in items)
        {
            gone.Remove(item.Uid);
            Put(next, item);
        }

        next.RemoveRange(gone);
        Publish(before, next.ToImmutable(), complete: true);
    }

    /// <summary>Takes one event of a watch.</summary>
    internal void Apply(WatchEventKind kind, T item)
    {
        ImmutableDictionary<string, T> before = _current;
        ImmutableDictionary<string, T>.Builder next = before.ToBuilder();
        if (kind == WatchEventKind.Deleted) next.Remove(item.Uid);
        else Put(next, item);
        Publish(before, next.ToImmutable(), complete: false);
    }

    private static void Put(ImmutableDictionary<string, T>.Builder objects, T item)
    {
        if (!objects.TryGetValue(item.Uid, out T? known) || !known.Equals(item)) objects[item.Uid] = item;
    }

    private void Publish(ImmutableDictionary<string, T> before, ImmutableDictionary<string, T> after, bool complete)
    {
        bool first = complete && !_synced;
        if (ReferenceEquals(before, after) && !first) return;
        _current = after;
        _synced |= complete;
        Changed?.Invoke();
    }
}
