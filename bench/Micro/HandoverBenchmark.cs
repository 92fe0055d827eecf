using BenchmarkDotNet.Attributes;
using HostAgent.Capture;
using HostAgent.Pipeline;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Bench.Micro;

/// <summary>What the channel between capture and sender costs: the agent's shard against a loop that sends what it reads, both on a thread of their own.</summary>
public class HandoverBenchmark
{
    private const int Blocks = 512;

    private SendPath path = null!;
    private BlockSource inlineSource = null!;
    private BlockSource shardSource = null!;
    private Shard shard = null!;
    private Thread inline = null!;
    private volatile bool ended;

    [Params(FrameKind.SmallUdp, FrameKind.TcpSegment)]
    public FrameKind Frame { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        path = new SendPath();
        inlineSource = new BlockSource(Frame);
        shardSource = new BlockSource(Frame);
        shard = new Shard(0, shardSource, path.NewSender(), NullLogger.Instance);
        shard.Start();
        FrameSender sender = path.NewSender();
        inline = new Thread(() => SendInline(sender));
        inline.Start();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        ended = true;
        inline.Join();
        shard.Drain(TimeSpan.FromSeconds(5));
        shardSource.Dispose();
        inlineSource.Dispose();
        path.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Blocks * MemoryBlock.Frames, Baseline = true)]
    public void Inline() => Run(inlineSource);

    [Benchmark(OperationsPerInvoke = Blocks * MemoryBlock.Frames)]
    public void ThroughTheChannel() => Run(shardSource);

    private static void Run(BlockSource source)
    {
        source.Begin(Blocks);
        source.Wait();
    }

    private void SendInline(FrameSender sender)
    {
        while (!ended)
        {
            using FrameBlock? block = inlineSource.Next(100);
            if (block is not null) sender.Send(block);
        }
    }
}
