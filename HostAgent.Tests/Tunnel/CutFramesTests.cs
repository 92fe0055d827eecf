using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Pipeline;

namespace HostAgent.Tests.Tunnel;

/// <summary>Frames of which the ring holds only a part never reach the sensor; the ledger says why.</summary>
[TestFixture]
[Parallelizable]
internal sealed class CutFramesTests
{
    [TestCase(true, LossReason.Overload)]
    [TestCase(false, LossReason.Truncated)]
    public void Are_lost_for_the_reason_they_were_cut_for(bool headOnly, LossReason reason)
    {
        var ledger = new ShardLedger();
        using var transport = new RecordingTransport(8950, ledger);
        FrameSender sender = DamagedFrame.Sender(ledger, transport);
        CraftedFrame crafted = CraftedFrame.Tcp("", new("10.56.0.1"), 4000, 1448);
        using var block = new MemoryBlock();
        block.Add(crafted.Bytes.AsSpan(0, FlowPart.HeadBytes),
            DamagedFrame.Whole(crafted) with { Missing = crafted.Bytes.Length - FlowPart.HeadBytes, HeadOnly = headOnly });
        block.Add(crafted.Bytes, DamagedFrame.Whole(crafted));
        sender.Send(block);

        LedgerSnapshot balance = ledger.AddTo(LedgerSnapshot.Empty);
        Assert.That((balance.Lost(reason), balance.Losses.Sum(), balance.Delivered), Is.EqualTo((1L, 1L, 1L)));
        Assert.That(transport.Sent, Has.Count.EqualTo(3), "the segments of the frame that is whole");
    }
}
