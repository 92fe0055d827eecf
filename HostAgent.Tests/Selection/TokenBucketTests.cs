using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tests.Selection;

/// <summary>What a pod's rate lets through, by virtual time.</summary>
public sealed class TokenBucketTests
{
    private const long Second = 1_000_000_000, Millisecond = Second / 1000, Start = 1_700_000_000 * Second;

    private static readonly RateLimit Bits = new(200_000_000, Packets: false), Packets = new(50_000, Packets: true);

    [TestCase("200Mbit", 2_500_000)]
    [TestCase("1kbit", 262_144)]
    [TestCase("50kpps", 5000)]
    [TestCase("1pps", 256)]
    public void The_depth_is_100_ms_of_the_rate_and_never_less_than_a_few_super_frames(string rate, long depth) =>
        Assert.That(TokenBucket.DepthOf(RateLimit.Parse(rate)!.Value), Is.EqualTo(depth));

    [TestCase("200Mbit", 1500)]
    [TestCase("200Mbit", 65_000)]
    [TestCase("1000Gbit", 64)]
    [TestCase("50kpps", 64)]
    [TestCase("1000Mpps", 64)]
    [TestCase("7kbit", 60)]
    public void What_passes_in_any_time_is_the_rate_times_the_time_and_the_depth(string written, int bytes)
    {
        RateLimit rate = RateLimit.Parse(written)!.Value;
        var bucket = new TokenBucket(rate, Start);
        long passed = 0, depth = TokenBucket.DepthOf(rate);
        for (int amount = (int)Math.Min(depth, 1 << 30); amount > 0; amount /= 2)
        {
            while (Take(0, amount)) passed += amount;
        }

        Assert.That(passed, Is.LessThanOrEqualTo(depth).And.GreaterThan(depth * 0.99), "it was full");

        // Twice the rate.
        const int Frames = 200_000;
        int each = rate.Packets ? 1 : bytes;
        double perSecond = rate.Packets ? rate.PerSecond : rate.PerSecond / 8.0, duration = Frames * each / perSecond / 2;
        for (int i = 0; i < Frames; i++) passed += Take((long)(duration * Second * i / Frames), each) ? each : 0;
        double most = (perSecond * duration) + depth;
        Assert.That(passed, Is.LessThanOrEqualTo(most).And.GreaterThan((most * 0.98) - each));

        bool Take(long at, int amount) => bucket.TryTake(Start + at, amount, amount, 0, isNew: false);
    }

    [Test]
    public void New_flows_are_refused_before_running_ones_and_large_ones_before_small_ones()
    {
        // 2.5 MB deep.
        var bucket = new TokenBucket(Bits, Start);
        Assert.That(Take(bucket, 1_200_000, isNew: true));
        Assert.That(Take(bucket, 60_000, flowBytes: 1));
        Assert.That(Take(bucket, 60, isNew: true), Is.False, "less than half is left");
        Assert.That(Take(bucket, 600_000, flowBytes: 1L << 40), "more than a quarter is left");
        Assert.That(Take(bucket, 30_000, flowBytes: 1L << 40));
        Assert.That(Take(bucket, 60, flowBytes: 1L << 40), Is.False, "less than a quarter is left");
        Assert.That(Take(bucket, 297_000, flowBytes: 2_000_000));
        Assert.That(Take(bucket, 60, flowBytes: 2_600_000), Is.False, "an eighth is left");
        Assert.That(Take(bucket, 250_000, flowBytes: 2_400_000));
        Assert.That(Take(bucket, 60, flowBytes: 400_000), Is.False);
        Assert.That(Take(bucket, 60_000, flowBytes: 10_000));
        Assert.That(Take(bucket, 60_000, flowBytes: 0), Is.False, "nothing is left");
        Assert.That(Take(bucket, 60, isNew: true, at: 49 * Millisecond), Is.False);
        Assert.That(Take(bucket, 60, isNew: true, at: 52 * Millisecond), "half of it is back");
    }

    [Test]
    public void Packets_are_those_on_the_wire()
    {
        var bucket = new TokenBucket(Packets, Start);
        for (int i = 0; i < 99; i++) Assert.That(bucket.TryTake(Start, 65_000, 50, 0, isNew: false));
        Assert.That(bucket.TryTake(Start, 60, 51, 0, isNew: false), Is.False);
        Assert.That(bucket.TryTake(Start, 65_000, 49, 0, isNew: false));
    }

    [Test]
    public void A_clock_that_is_set_back_by_much_does_not_close_the_bucket()
    {
        var bucket = new TokenBucket(Bits, Start);
        Assert.That(Take(bucket, 2_000_000, at: 100 * Second));
        Assert.That(Take(bucket, 2_000_000, at: 99 * Second), Is.False, "a shard may be behind");
        Assert.That(Take(bucket, 2_000_000, at: 50 * Second), Is.True);
    }

    [Test]
    public void Several_shards_together_get_no_more_than_one()
    {
        var bucket = new TokenBucket(Bits, Start);
        long passed = 0;
        // Each has the same virtual time.
        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 400_000; i++)
            {
                if (bucket.TryTake(Start + (i * 1000L), 1000, 1, 0, isNew: false)) Interlocked.Increment(ref passed);
            }
        });
        // 0.4 s of 25 MB/s, and the depth.
        Assert.That(passed * 1000, Is.LessThanOrEqualTo(10_000_000 + 2_500_000).And.GreaterThan(9_000_000));
    }

    private static bool Take(TokenBucket bucket, int bytes, long flowBytes = 0, bool isNew = false, long at = 0) =>
        bucket.TryTake(Start + at, bytes, 1, flowBytes, isNew);
}
