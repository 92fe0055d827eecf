using System.Collections.Immutable;
using System.Numerics;

namespace HostAgent.Accounts;

/// <summary>
/// One shard's share of the ledger. Only the shard's thread writes, so counting takes neither lock nor interlocked instruction.
/// </summary>
public sealed class ShardLedger
{
    // Powers of two of microseconds: 64 us to 2 s, which spans a block timeout of 2 ms and a ring of half a second well.
    private const int FirstAgeBit = 6;
    private const int AgeBuckets = 16;

    private readonly long[] _losses = new long[LossReasonNames.Count];
    private readonly long[] _ages = new long[AgeBuckets + 1];
    private long _ageSum;
    private long _delivered;
    private long _bytes;
    private long _segments;
    private long _merged;
    private long _fragmented;
    private long _unreachable;
    private long _unseen;
    private long _evicted;

    /// <summary>A frame whose segments were all accepted.</summary>
    /// <param name="bytes">Its length as captured.</param>
    /// <param name="ageNanoseconds">From the kernel's timestamp until its last segment was handed over.</param>
    public void Delivered(int bytes, long ageNanoseconds)
    {
        _delivered++;
        _bytes += bytes;
        long microseconds = Math.Max(0, ageNanoseconds) / 1000;
        _ageSum += microseconds;
        _ages[Math.Clamp(64 - BitOperations.LeadingZeroCount((ulong)microseconds) - FirstAgeBit, 0, AgeBuckets)]++;
    }

    /// <summary>Datagrams that the kernel accepted.</summary>
    public void Sent(int segments) => _segments += segments;

    /// <summary>Segments of a delivered super-frame that left with others in one datagram.</summary>
    public void Merged(int segments) => _merged += segments;

    /// <summary>A frame that leaves as IP fragments, since it does not fit the sensor's link.</summary>
    public void Fragmented() => _fragmented++;

    /// <summary>The sensor's host has answered that nobody listens.</summary>
    public void Unreachable() => _unreachable++;

    /// <summary>Frames that the kernel kept nothing of, on average, for a head that was drawn by lot.</summary>
    public void Unseen(int frames) => _unseen += frames;

    /// <summary>A running flow made room for another one where flows are counted.</summary>
    public void Evicted() => _evicted++;

    public void Lost(LossReason reason, int frames = 1) => _losses[(int)reason] += frames;

    /// <summary>Adds this shard's counts to those of <paramref name="total"/>. Any thread may call it.</summary>
    internal LedgerSnapshot AddTo(LedgerSnapshot total)
    {
        var losses = ImmutableArray.CreateBuilder<long>(_losses.Length);
        for (int i = 0; i < _losses.Length; i++) losses.Add(total.Losses[i] + Volatile.Read(ref _losses[i]));
        return new LedgerSnapshot(
            total.Seen,
            total.Delivered + Volatile.Read(ref _delivered),
            total.BytesDelivered + Volatile.Read(ref _bytes),
            total.Segments + Volatile.Read(ref _segments),
            total.Fragmented + Volatile.Read(ref _fragmented),
            total.Unreachable + Volatile.Read(ref _unreachable),
            losses.MoveToImmutable())
        {
            Merged = total.Merged + Volatile.Read(ref _merged),
            UnseenEstimate = total.UnseenEstimate + Volatile.Read(ref _unseen),
            SliceEvictions = total.SliceEvictions + Volatile.Read(ref _evicted),
        };
    }

    /// <summary>Age of delivered frames in seconds, of all <paramref name="shards"/> together.</summary>
    internal static HistogramSnapshot Ages(IEnumerable<ShardLedger> shards)
    {
        var counts = new long[AgeBuckets + 1];
        long sum = 0;
        foreach (ShardLedger shard in shards)
        {
            for (int i = 0; i < counts.Length; i++) counts[i] += Volatile.Read(ref shard._ages[i]);
            sum += Volatile.Read(ref shard._ageSum);
        }

        // Bucket i holds ages below 2^(i + FirstAgeBit) microseconds, to the microsecond.
        var bounds = Enumerable.Range(0, AgeBuckets).Select(i => (1L << (i + FirstAgeBit)) / 1e6);
        return new HistogramSnapshot([.. bounds], [.. counts], sum / 1e6);
    }
}
