using System.Runtime.CompilerServices;

namespace HostAgent.Selection;

/// <summary>
/// Frames that entered from a captured link, each to explain one copy of itself that goes to another. Of fixed size: a frame that it has
/// forgotten explains nothing, so its copy is delivered. One thread.
/// </summary>
internal sealed class CopyTable
{
    /// <summary>
    /// Nanoseconds that forwarding may take: queues that shape traffic hold a frame for a good part of a second, none for longer.
    /// </summary>
    public const long Memory = 2_000_000_000;

    private const int Ways = 4;
    private const int BucketBits = 13;
    private const int Buckets = 1 << BucketBits;
    private const int CacheLine = 64;

    private readonly Entry[] _entries = GC.AllocateArray<Entry>((Buckets + 1) * Ways, pinned: true);
    private readonly int _first;

    public unsafe CopyTable()
    {
        // A bucket is a cache line.
        fixed (Entry* start = _entries) _first = (int)((CacheLine - ((nuint)start % CacheLine)) % CacheLine) / sizeof(Entry);
    }

    /// <summary>Adds the frame's segments.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="link">The ifindex where it entered.</param>
    /// <param name="now">Nanoseconds, of the clock that frames have.</param>
    public void Add(in FrameIdentity frame, int link, long now)
    {
        for (int i = 0; i < frame.Count; i++) Add(new Entry(frame.Key(i), link, now, frame.ChecksumFinished, frame.Checksum));
    }

    /// <summary>Adds what has no checksum and entered nowhere.</summary>
    public void Add(ulong key, long now) => Add(new Entry(key, 0, now, checksumFinished: true, checksum: 0));

    /// <summary>
    /// Spends what explains this frame: for each of its segments one that entered from another link. What is spent explains no second copy.
    /// </summary>
    /// <returns>The lower 16 bits of the ifindex where it entered; null when not every segment is explained.</returns>
    public ushort? Spend(in FrameIdentity copy, int link, long now)
    {
        ushort? origin = null;
        for (int i = 0; i < copy.Count; i++)
        {
            origin = Spend(copy, i, link, now);
            if (origin is null) return null;
        }

        return origin;
    }

    /// <summary>Spends what <see cref="Add(ulong, long)"/> added.</summary>
    public bool Spend(ulong key, long now)
    {
        foreach (ref Entry entry in Bucket(key))
        {
            if (!entry.Explains(key, now)) continue;
            entry.Left--;
            return true;
        }

        return false;
    }

    private ushort? Spend(in FrameIdentity copy, int index, int link, long now)
    {
        ulong key = copy.Key(index);
        foreach (ref Entry entry in Bucket(key))
        {
            if (!entry.Explains(key, now) || entry.Link == (ushort)link || !entry.HasChecksumOf(copy, index)) continue;
            entry.Left--;
            return entry.Link;
        }

        return null;
    }

    private void Add(in Entry added)
    {
        Span<Entry> ways = Bucket(added.Key);
        foreach (ref Entry entry in ways)
        {
            if (!entry.Stands(added)) continue;
            // The time stays the first one's: an entry is forgotten as a whole.
            if (entry.Left < byte.MaxValue) entry.Left++;
            return;
        }

        // The first to come is the first to go: to look for the oldest would take branches that nothing predicts.
        (ways[3], ways[2], ways[1], ways[0]) = (ways[2], ways[1], ways[0], added);
    }

    private Span<Entry> Bucket(ulong key) => _entries.AsSpan(_first + ((int)(key >> (64 - BucketBits)) * Ways), Ways);

    /// <summary>16 bytes, so that four are a cache line: time in units of a millisecond, and of the ifindex the lower half.</summary>
    private struct Entry
    {
        private const int TimeShift = 20;
        private const ulong KeyBits = ~0x1FFul;
        private const ulong FinishedBit = 0x100;

        // The key but for its lowest 9 bits, which are whether the checksum is finished, and how many are left.
        private ulong _content;

        public Entry(ulong key, int link, long now, bool checksumFinished, ushort checksum)
        {
            _content = (key & KeyBits) | (checksumFinished ? FinishedBit : 0) | 1;
            (Time, Link, Checksum) = ((uint)(now >> TimeShift), (ushort)link, checksum);
        }

        private uint Time { get; }

        public ushort Link { get; }

        private ushort Checksum { get; }

        public readonly ulong Key => _content & KeyBits;

        /// <summary>How many equal frames it stands for that are not explained yet.</summary>
        public byte Left
        {
            readonly get => (byte)_content;
            set => _content = (_content & ~0xFFul) | value;
        }

        private readonly bool ChecksumFinished => (_content & FinishedBit) != 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool Explains(ulong key, long now) => ((_content ^ key) & KeyBits) == 0 && IsAlive((uint)(now >> TimeShift));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool Stands(in Entry other) => ((_content ^ other._content) & (KeyBits | FinishedBit)) == 0
            && (Link, Checksum) == (other.Link, other.Checksum) && IsAlive(other.Time);

        /// <summary>Where one of the two is unfinished the other one must be right, or it is another frame.</summary>
        public readonly bool HasChecksumOf(in FrameIdentity copy, int index) => (ChecksumFinished, copy.ChecksumFinished) switch
        {
            (true, true) => Checksum == copy.Checksum,
            (false, false) => true,
            _ => (ChecksumFinished ? Checksum : copy.Checksum) == copy.RightChecksum(index),
        };

        private readonly bool IsAlive(uint now) => Left > 0 && Math.Abs((long)(int)(now - Time)) < Memory >> TimeShift;
    }
}
