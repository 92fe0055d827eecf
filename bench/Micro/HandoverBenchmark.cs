using BenchmarkDotNet.Attributes;
using HostAgent.Capture;
using HostAgent.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Bench.Micro;

/// <summary>
/// What the channel between capture and sender costs: the agent's shard against a loop that sends what it reads, both on a thread of their
/// own.
/// </summary>
public class HandoverBenchmark
{
    private const int Blocks = 512;

    private SendPath _path = null!;
    private BlockSource _inlineSource = null!;
    private BlockSource _shardSource = null!;
    private Shard _shard = null!;
    private Thread _inline = null!;
    private volatile bool _ended;

    [Params(FrameKind.SmallUdp, FrameKind.TcpSegment)]
    public FrameKind Frame { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _path = new SendPath();
        _inlineSource = new BlockSource(Frame);
        _shardSource = new BlockSource(Frame);
        _shard = new Shard(0, _shardSource, _path.NewSender(), NullLogger.Instance);
        _shard.Start();
        FrameSender sender = _path.NewSender();
        _inline = new Thread(() => SendInline(sender));
        _inline.Start();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _ended = true;
        _inline.Join();
        _shard.Drain(TimeSpan.FromSeconds(5));
        _shardSource.Dispose();
        _inlineSource.Dispose();
        _path.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Blocks * FrameBlocks.Frames, Baseline = true)]
    public void Inline() => Run(_inlineSource);

    [Benchmark(OperationsPerInvoke = Blocks * FrameBlocks.Frames)]
    public void ThroughTheChannel() => Run(_shardSource);

    private static void Run(BlockSource source)
    {
        source.Begin(Blocks);
        source.Wait();
    }

    private void SendInline(FrameSender sender)
    {
        while (!_ended)
        {
            using FrameBlock? block = _inlineSource.Next(100);
            if (block is not null) sender.Send(block);
        }
    }
}
