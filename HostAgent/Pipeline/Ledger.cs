using HostAgent.Accounts;
using HostAgent.Capture;

namespace HostAgent.Pipeline;

/// <summary>
/// The account of every captured frame. What the captures saw and what became of it are counted apart, so that the balance can fail.
/// </summary>
public sealed class Ledger(IReadOnlyList<ICapture> captures, IReadOnlyList<ShardLedger> shards)
{
    public LedgerSnapshot Read()
    {
        // What became of frames is read before how many were seen: a frame that comes between the two is in flight, never missing.
        LedgerSnapshot total = shards.Aggregate(LedgerSnapshot.Empty, (sum, shard) => shard.AddTo(sum));
        long seen = 0, dropped = 0, unknown = 0;
        foreach (ICapture capture in captures)
        {
            CaptureStatistics statistics = capture.ReadStatistics();
            seen += statistics.Seen;
            dropped += statistics.Dropped;
            unknown += statistics.UnknownOffload;
        }

        const int ring = (int)LossReason.KernelRing;
        return total with { Seen = seen, UnknownOffload = unknown, Losses = total.Losses.SetItem(ring, total.Losses[ring] + dropped) };
    }

    /// <summary>Seconds from the kernel's timestamp of a frame until its last segment was handed over.</summary>
    public HistogramSnapshot FrameAges() => ShardLedger.Ages(shards);
}
