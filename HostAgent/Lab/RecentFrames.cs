using System.Diagnostics;

namespace HostAgent.Lab;

/// <summary>Remembers the hashes of the last frames, in a table of fixed size: a new one overwrites an older one in its place.</summary>
internal sealed class RecentFrames
{
    /// <summary>
    /// Longer than two copies of a frame are apart on their ways through the agent, shorter than hosts wait before they repeat themselves.
    /// </summary>
    private static readonly long Window = Stopwatch.Frequency / 2;

    private readonly (ulong Hash, long Time)[] _table = new (ulong, long)[1 << 20];

    /// <summary>Notes a frame seen now.</summary>
    /// <param name="hash">0 for a frame that may rightly be repeated.</param>
    /// <returns>True when it had been seen within the last half second.</returns>
    public bool Repeats(ulong hash)
    {
        if (hash == 0) return false;
        long now = Stopwatch.GetTimestamp();
        ref (ulong Hash, long Time) entry = ref _table[hash >> 44];
        bool repeats = entry.Hash == hash && entry.Time != 0 && now - entry.Time < Window;
        entry = (hash, now);
        return repeats;
    }
}
