using BenchmarkDotNet.Attributes;
using HostAgent.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Bench.Micro;

/// <summary>Each shard sends the same number of frames: the time per frame of one shard stays equal as long as shards do not hinder each other.</summary>
public class ShardsBenchmark
{
    private const int Blocks = 512;

    private SendPath path = null!;
    private BlockSource[] sources = null!;
    private Shard[] shards = null!;

    [Params(1, 2)]
    public int Shards { get; set; }

    [Params(FrameKind.SmallUdp, FrameKind.SuperFrame)]
    public FrameKind Frame { get; set; }

    // A super-frame is as much work as 45 others.
    private int BlocksOfKind => Frame == FrameKind.SuperFrame ? Blocks / 32 : Blocks;

    [GlobalSetup]
    public void Setup()
    {
        path = new SendPath();
        sources = [.. Enumerable.Range(0, Shards).Select(_ => new BlockSource(Frame))];
        shards = [.. sources.Select((source, i) => new Shard(i, source, path.NewSender(), NullLogger.Instance))];
        foreach (Shard shard in shards) shard.Start();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (Shard shard in shards) shard.Drain(TimeSpan.FromSeconds(5));
        foreach (BlockSource source in sources) source.Dispose();
        path.Dispose();
    }

    /// <summary>Time for <see cref="BlocksOfKind"/> blocks of every shard.</summary>
    [Benchmark]
    public void SendAll()
    {
        foreach (BlockSource source in sources) source.Begin(BlocksOfKind);
        foreach (BlockSource source in sources) source.Wait();
    }
}
