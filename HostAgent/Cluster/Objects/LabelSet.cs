using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>Labels compared by content.</summary>
internal static class LabelSet
{
    public static bool AreEqual(ImmutableDictionary<string, string> a, ImmutableDictionary<string, string> b)
    {
        if (ReferenceEquals(a, b)) return true;
        if (a.Count != b.Count) return false;
        foreach ((string key, string value) in a)
        {
            if (!b.TryGetValue(key, out string? other) || other != value) return false;
        }

        return true;
    }
}
