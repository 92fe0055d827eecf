using BenchmarkDotNet.Attributes;
using HostAgent.Capture;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Policy;

namespace HostAgent.Bench.Micro;

/// <summary>
/// What the keys of a rule cost for a small frame. All frames are given up in the end, as in overload: so each is judged by every rule but
/// the search for copies, and no send call hides what that costs.
/// </summary>
public class JudgeBenchmark
{
    private SendPath _path = null!;
    private FrameSender _sender = null!;
    private TimedBlock _block = null!;

    /// <summary>How much of the pod is wanted.</summary>
    [Params("all", "sample", "slice", "rate", "sample+slice+rate")]
    public string Keys { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _path = new SendPath();
        // Almost all: what is left out would cost less.
        _sender = _path.NewSender(new RuleTraffic(new SampleShare(Has("sample") ? 65_535 : 65_536, 65_536), MirrorPriority.Normal)
        {
            Slice = Has("slice") ? ByteSize.Most : 0,
            Rate = Has("rate") ? RateLimit.Parse("1000Gbit") : null,
        }, givesUp: true);
        _block = new TimedBlock(FrameBlocks.Of(FrameKind.SmallUdp));
    }

    [GlobalCleanup]
    public void Cleanup() => _path.Dispose();

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames)]
    public void Judge()
    {
        _sender.Send(_block);
        _block.Dispose();
    }

    private bool Has(string key) => Keys.Contains(key, StringComparison.Ordinal);

    /// <summary>Frames that come one microsecond after the other.</summary>
    private sealed class TimedBlock(MemoryBlock block) : FrameBlock
    {
        private long _now = Frame.Now;

        public override int Count => block.Count;

        public override bool TryRead(out Frame frame)
        {
            bool any = block.TryRead(out frame);
            frame.Timestamp = _now += 1000;
            return any;
        }

        public override void Dispose() => block.Dispose();
    }
}
