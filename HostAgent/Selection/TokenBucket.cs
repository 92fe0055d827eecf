using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>
/// What a pod's rate leaves for its next frame (the generic cell rate algorithm of ITU-T I.371: one number, the time at which the bucket
/// will be full again). What it lets through in any time is at most the rate times that time and the bucket's depth. All shards share it;
/// a frame takes one interlocked instruction.
/// </summary>
/// <param name="rate">Of one pod.</param>
/// <param name="created">Nanoseconds, of the clock that frames have; it counts from there.</param>
internal sealed class TokenBucket(RateLimit rate, long created)
{
    /// <summary>Four super-frames: one takes no more than a quarter.</summary>
    private const int LeastBytes = 256 << 10;

    private const int LeastPackets = 256;

    /// <summary>What a packet counts for where bytes of flows are compared with a depth in packets.</summary>
    private const int PacketBytes = 512;

    // Times are 64ths of a nanosecond: at the highest rate a small frame takes a few of them.
    private const int FractionBits = 6;
    private const double Second = 1e9 * (1 << FractionBits);

    // Shards, and the ring, are not further behind; beyond it, a clock that was set back is the likelier explanation.
    private const long Recently = 10_000_000_000 << FractionBits;

    private readonly double _unit = Second / (rate.Packets ? rate.PerSecond : rate.PerSecond / 8.0);
    private readonly long _depth = (long)(Second / (rate.Packets ? rate.PerSecond : rate.PerSecond / 8.0) * DepthOf(rate));
    private readonly double _depthBytes = (double)DepthOf(rate) * (rate.Packets ? PacketBytes : 1);
    private long _full = long.MinValue / 2;

    public RateLimit Rate => rate;

    /// <summary>Bytes or packets: 100 ms of the rate, and never less than a few super-frames.</summary>
    public static long DepthOf(RateLimit rate) =>
        rate.Packets ? Math.Max(LeastPackets, rate.PerSecond / 10) : Math.Max(LeastBytes, rate.PerSecond / 80);

    /// <summary>
    /// Takes what a frame needs, when it may have it. A new flow may when the bucket is at least half full; a running one when there is
    /// room, but below a quarter a flow must be the smaller the less there is: at an eighth no larger than the depth, at nothing none. So
    /// new flows are refused before running ones, and large ones before small ones.
    /// </summary>
    /// <param name="timestamp">Nanoseconds, of the clock that frames have.</param>
    /// <param name="bytes">Of the frame.</param>
    /// <param name="packets">Of the frame, on the wire.</param>
    /// <param name="flowBytes">Of its flow so far; 0 for a new one, which is not the same as one that is not known as a flow.</param>
    /// <param name="isNew">The frame is the first of its flow.</param>
    public bool TryTake(long timestamp, int bytes, int packets, long flowBytes, bool isNew)
    {
        long now = (timestamp - created) << FractionBits;
        long cost = Math.Min((long)((rate.Packets ? packets : bytes) * _unit) + 1, _depth);
        while (true)
        {
            long full = Volatile.Read(ref _full);
            long taken = full > now && full - now <= _depth + Recently ? full - now : 0;
            long left = _depth - taken;
            if (left < cost || (isNew ? left < _depth / 2 : IsTooLarge(flowBytes, left))) return false;
            if (Interlocked.CompareExchange(ref _full, now + taken + cost, full) == full) return true;
        }
    }

    private bool IsTooLarge(long flowBytes, long left)
    {
        long lacking = (_depth / 4) - left;
        return lacking > 0 && flowBytes > _depthBytes * left / lacking;
    }
}
