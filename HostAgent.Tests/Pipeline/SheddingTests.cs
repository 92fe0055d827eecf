using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Tests.Tunnel;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Pipeline;

/// <summary>What a shard does when its capture says that it cannot keep up, and when it can again.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SheddingTests
{
    private static readonly CraftedFrame Bulk = CraftedFrame.Tcp("", new("10.56.0.1"), 40_000, 1448);
    private static readonly int BulkPart = DamagedFrame.PartOf(Bulk.Bytes);

    [Test]
    public void The_bulk_is_given_up_while_frames_are_lost_and_mirrored_again_afterwards()
    {
        // Which flows share a part is a secret, so the other one is looked for.
        CraftedFrame small = Enumerable.Range(2, 200).Select(i => CraftedFrame.Udp("", new($"10.56.0.{i}"), 40))
            .First(frame => DamagedFrame.PartOf(frame.Bytes) != BulkPart);
        var ledger = new ShardLedger();
        using var transport = new RecordingTransport(8950, ledger);
        FrameSender sender = DamagedFrame.Sender(ledger, transport);
        var capture = new LosingCapture(Bulk, small) { Losing = true };
        using (var shard = new Shard(0, capture, sender, NullLogger.Instance))
        {
            shard.Start();
            Eventually.That(() => capture.HeadsOnly is [{ Link: 3 } flows] && flows.Parts == 1ul << BulkPart,
                "the heads of the bulk are all that is needed");
            capture.Losing = false;
            Eventually.That(() => capture.HeadsOnly.Length == 0, "all is needed again");
            capture.Ended = true;
            shard.Drain(TimeSpan.FromSeconds(10));
        }

        Assert.That(transport.SentBy, Is.EqualTo("capture-0"), "the thread that reads sends, too");
        LedgerSnapshot balance = ledger.AddTo(LedgerSnapshot.Empty);
        Assert.That(balance.Lost(LossReason.Overload), Is.Positive.And.LessThanOrEqualTo(capture.BulkFrames));
        Assert.That(balance.Delivered, Is.EqualTo(capture.BulkFrames + capture.SmallFrames - balance.Lost(LossReason.Overload)),
            "the small flow lost nothing");
    }

    /// <summary>
    /// Hands over a block of bulk and small frames every few milliseconds, and loses more of them until the bulk is given up.
    /// </summary>
    private sealed class LosingCapture(CraftedFrame bulk, CraftedFrame small) : ICapture
    {
        private LinkParts[] _headsOnly = [];
        private long _dropped;

        public bool Losing { get; set; }

        public bool Ended { get; set; }

        public LinkParts[] HeadsOnly => Volatile.Read(ref _headsOnly);

        public long BulkFrames { get; private set; }

        public long SmallFrames { get; private set; }

        public double Backlog => 0;

        public bool SetLinks(ReadOnlySpan<CapturedLink> links) => true;

        public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows) => Volatile.Write(ref _headsOnly, flows.ToArray());

        public FrameBlock? Next(int timeoutMilliseconds)
        {
            Thread.Sleep(5);
            if (Ended) return null;
            var block = new MemoryBlock();
            block.Add(bulk.Bytes, DamagedFrame.Whole(bulk));
            block.Add(small.Bytes, DamagedFrame.Whole(small));
            BulkFrames++;
            SmallFrames++;
            return block;
        }

        public CaptureStatistics ReadStatistics()
        {
            if (Losing && HeadsOnly.Length == 0) _dropped++;
            return new CaptureStatistics(BulkFrames + SmallFrames, _dropped, 0, _dropped);
        }

        public void Dispose()
        {
        }
    }
}
