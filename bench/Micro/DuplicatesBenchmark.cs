using BenchmarkDotNet.Attributes;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Selection;

namespace HostAgent.Bench.Micro;

/// <summary>What it costs to know copies: for a frame that enters, and for one that enters and whose copy goes to another pod.</summary>
public class DuplicatesBenchmark
{
    private readonly DuplicateFilter _filter = new();
    private readonly MirroredPod _pod = new("bench", "pod", "uid", 1);
    private MirroredLink _from = null!;
    private MirroredLink _to = null!;
    private MemoryBlock _block = null!;
    private long _now = 1_700_000_000_000_000_000;

    [Params(FrameKind.SmallUdp, FrameKind.TcpSegment, FrameKind.SuperFrame)]
    public FrameKind Frame { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_from, _to) = (Link(1), Link(2));
        _block = FrameBlocks.Of(Frame);
    }

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames, Baseline = true)]
    public void Entered() => Run(copies: false);

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames)]
    public void EnteredAndCopied() => Run(copies: true);

    private unsafe void Run(bool copies)
    {
        while (_block.TryRead(out Frame frame))
        {
            frame.Timestamp = _now += 1000;
            // Frames of the block are equal; those of a real one differ.
            if (Frame == FrameKind.SmallUdp) *(long*)(frame.Start + 50) = _now;
            FrameLayout layout = FrameParser.Parse(frame.Start, frame.Length);
            _filter.Entered(frame, layout, _from);
            if (copies) _filter.IsDuplicate(frame, layout, _to, 0);
        }

        _block.Dispose();
    }

    private MirroredLink Link(int index) => new(index, _pod, 1, 0, 0, [new LinkCounters(index)]);
}
