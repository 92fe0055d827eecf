using HostAgent.Capture;

namespace HostAgent.Bench.Micro;

/// <summary>A capture that has as many blocks as it is told to have, at once.</summary>
internal sealed class BlockSource : ICapture
{
    // More than a shard's channel takes, so that no block comes round again before it was given back.
    private const int Blocks = 24;

    private readonly MemoryBlock[] blocks;
    private readonly SemaphoreSlim available = new(0);
    private readonly ManualResetEventSlim done = new();
    private int outstanding;
    private int next;

    public BlockSource(FrameKind kind) => blocks = [.. Enumerable.Range(0, Blocks).Select(_ => new MemoryBlock(kind, GivenBack))];

    public double Backlog => 0;

    /// <summary>Offers blocks to whoever calls <see cref="Next"/>.</summary>
    public void Begin(int count)
    {
        done.Reset();
        Volatile.Write(ref outstanding, count);
        available.Release(count);
    }

    /// <summary>Waits until all were given back.</summary>
    public void Wait() => done.Wait();

    public FrameBlock? Next(int timeoutMilliseconds) => available.Wait(timeoutMilliseconds) ? blocks[next++ % Blocks] : null;

    public bool SetLinks(ReadOnlySpan<int> ifindexes) => true;

    public CaptureStatistics ReadStatistics() => default;

    public void Dispose()
    {
        available.Dispose();
        done.Dispose();
    }

    private void GivenBack()
    {
        if (Interlocked.Decrement(ref outstanding) == 0) done.Set();
    }
}
