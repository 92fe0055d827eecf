namespace HostAgent.Tunnel;

/// <summary>
/// Frames that entered from a captured link, each to explain one copy of itself that goes to another. Of fixed size: a frame that it has
/// forgotten explains nothing, so its copy is delivered. One thread.
/// </summary>
internal sealed class CopyTable
{
    /// <summary>Nanoseconds that forwarding a frame may take: queues that shape traffic hold one for a good part of a second, none for longer.</summary>
    public const long Memory = 2_000_000_000;

    private const int Ways = 4;
    private const int Buckets = 1 << 14;

    private readonly Entry[] _entries = new Entry[Buckets * Ways];

    /// <summary>Adds the frame's segments.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="link">The ifindex where it entered.</param>
    /// <param name="now">Nanoseconds, of the clock that frames have.</param>
    public void Add(in FrameIdentity frame, int link, long now)
    {
        for (int i = 0; i < frame.Count; i++) Add(frame.Key(i), link, now, frame.ChecksumFinished, frame.Checksum);
    }

    public void Add(ulong key, int link, long now, bool checksumFinished = true, ushort checksum = 0)
    {
        Span<Entry> ways = Bucket(key);
        ref Entry oldest = ref ways[0];
        foreach (ref Entry entry in ways)
        {
            bool left = entry.Left > 0 && Math.Abs(now - entry.Time) < Memory;
            if (left && entry.Key == key && entry.Link == link && entry.ChecksumFinished == checksumFinished && entry.Checksum == checksum)
            {
                // The time stays the first one's: an entry is forgotten as a whole.
                if (entry.Left < byte.MaxValue) entry.Left++;
                return;
            }

            if (!left)
            {
                oldest = ref entry;
                break;
            }

            if (entry.Time < oldest.Time) oldest = ref entry;
        }

        oldest = new Entry { Key = key, Time = now, Link = link, ChecksumFinished = checksumFinished, Checksum = checksum, Left = 1 };
    }

    /// <summary>Spends what explains this frame: for each of its segments one that entered from another link. What is spent explains no second copy.</summary>
    /// <returns>The ifindex where it entered; 0 when not every segment is explained.</returns>
    public int Spend(in FrameIdentity copy, int link, long now)
    {
        int origin = 0;
        for (int i = 0; i < copy.Count; i++)
        {
            origin = Spend(copy, i, link, now);
            if (origin == 0) return 0;
        }

        return origin;
    }

    /// <summary>Spends an entry that has no checksum.</summary>
    public bool Spend(ulong key, long now)
    {
        foreach (ref Entry entry in Bucket(key))
        {
            if (entry.Left == 0 || entry.Key != key || Math.Abs(now - entry.Time) >= Memory) continue;
            entry.Left--;
            return true;
        }

        return false;
    }

    private int Spend(in FrameIdentity copy, int index, int link, long now)
    {
        ulong key = copy.Key(index);
        foreach (ref Entry entry in Bucket(key))
        {
            if (entry.Left == 0 || entry.Key != key || entry.Link == link || Math.Abs(now - entry.Time) >= Memory) continue;
            if (!HasSameChecksum(entry, copy, index)) continue;
            entry.Left--;
            return entry.Link;
        }

        return 0;
    }

    /// <summary>Where one of the two is unfinished the other one must be right, or it is another frame.</summary>
    private static bool HasSameChecksum(in Entry entry, in FrameIdentity copy, int index) => (entry.ChecksumFinished, copy.ChecksumFinished) switch
    {
        (true, true) => entry.Checksum == copy.Checksum,
        (false, false) => true,
        _ => (entry.ChecksumFinished ? entry.Checksum : copy.Checksum) == copy.RightChecksum(index),
    };

    private Span<Entry> Bucket(ulong key) => _entries.AsSpan((int)(key & (Buckets - 1)) * Ways, Ways);

    private struct Entry
    {
        public ulong Key;
        public long Time;
        public int Link;
        public ushort Checksum;
        public bool ChecksumFinished;

        /// <summary>How many equal frames it stands for that are not explained yet.</summary>
        public byte Left;
    }
}
