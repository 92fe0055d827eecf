using BenchmarkDotNet.Attributes;
using HostAgent.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Bench.Micro;

/// <summary>
/// Each shard sends the same number of frames: the time per frame of one shard stays equal as long as shards do not hinder each other.
/// </summary>
public class ShardsBenchmark
{
    private const int Blocks = 512;

    private SendPath _path = null!;
    private BlockSource[] _sources = null!;
    private Shard[] _shards = null!;

    [Params(1, 2)]
    public int Shards { get; set; }

    [Params(FrameKind.SmallUdp, FrameKind.SuperFrame)]
    public FrameKind Frame { get; set; }

    // A super-frame is as much work as 45 others.
    private int BlocksOfKind => Frame == FrameKind.SuperFrame ? Blocks / 32 : Blocks;

    [GlobalSetup]
    public void Setup()
    {
        _path = new SendPath();
        _sources = [.. Enumerable.Range(0, Shards).Select(_ => new BlockSource(Frame))];
        _shards = [.. _sources.Select((source, i) => new Shard(i, source, _path.NewSender(), NullLogger.Instance))];
        foreach (Shard shard in _shards) shard.Start();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (Shard shard in _shards) shard.Drain(TimeSpan.FromSeconds(5));
        foreach (BlockSource source in _sources) source.Dispose();
        _path.Dispose();
    }

    /// <summary>Time for <see cref="BlocksOfKind"/> blocks of every shard.</summary>
    [Benchmark]
    public void SendAll()
    {
        foreach (BlockSource source in _sources) source.Begin(BlocksOfKind);
        foreach (BlockSource source in _sources) source.Wait();
    }
}
