using System.Collections.Immutable;

namespace HostAgent.Links;

/// <summary>
/// Several values to a key, over <see cref="ImmutableDictionary{TKey, TValue}"/>. Each returns whether anything has changed.
/// </summary>
internal static class Multimap
{
    /// <summary>Adds the value, in place of those that <paramref name="same"/> says it replaces.</summary>
    public static bool Put<TKey, TValue>(
        this ImmutableDictionary<TKey, ImmutableArray<TValue>>.Builder map, TKey key, TValue value, Func<TValue, TValue, bool> same)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out ImmutableArray<TValue> values)) values = [];
        if (values.Contains(value)) return false;
        map[key] = values.RemoveAll(old => same(old, value)).Add(value);
        return true;
    }

    public static bool Drop<TKey, TValue>(
        this ImmutableDictionary<TKey, ImmutableArray<TValue>>.Builder map, TKey key, Predicate<TValue> which)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out ImmutableArray<TValue> values)) return false;
        ImmutableArray<TValue> rest = values.RemoveAll(which);
        if (rest.Length == values.Length) return false;
        if (rest.IsEmpty) map.Remove(key);
        else map[key] = rest;
        return true;
    }

    public static bool SameAs<TKey, TValue>(
        this ImmutableDictionary<TKey, ImmutableArray<TValue>> one, ImmutableDictionary<TKey, ImmutableArray<TValue>> other)
        where TKey : notnull
    {
        if (ReferenceEquals(one, other)) return true;
        if (one.Count != other.Count) return false;
        foreach ((TKey key, ImmutableArray<TValue> values) in one)
        {
            // A dump's order is not that of the notifications.
            if (!other.TryGetValue(key, out ImmutableArray<TValue> others) || values.Length != others.Length) return false;
            foreach (TValue value in values)
            {
                if (!others.Contains(value)) return false;
            }
        }

        return true;
    }
}
