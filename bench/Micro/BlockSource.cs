using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Lab;

namespace HostAgent.Bench.Micro;

/// <summary>A capture that has as many blocks as it is told to have, at once.</summary>
internal sealed class BlockSource : ICapture
{
    // More than a shard's channel takes, so that no block comes round again before it was given back.
    private const int Blocks = 24;

    private readonly MemoryBlock[] _blocks;
    private readonly SemaphoreSlim _available = new(0);
    private readonly ManualResetEventSlim _done = new();
    private int _outstanding;
    private int _next;

    public BlockSource(FrameKind kind) => _blocks = [.. Enumerable.Range(0, Blocks).Select(_ => FrameBlocks.Of(kind, GivenBack))];

    public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows)
    {
    }

    public double Backlog => 0;

    /// <summary>Offers blocks to whoever calls <see cref="Next"/>.</summary>
    public void Begin(int count)
    {
        _done.Reset();
        Volatile.Write(ref _outstanding, count);
        _available.Release(count);
    }

    /// <summary>Waits until all were given back.</summary>
    public void Wait() => _done.Wait();

    public FrameBlock? Next(int timeoutMilliseconds) => _available.Wait(timeoutMilliseconds) ? _blocks[_next++ % Blocks] : null;

    public bool SetLinks(ReadOnlySpan<CapturedLink> links) => true;

    public CaptureStatistics ReadStatistics() => default;

    public void Dispose()
    {
        _available.Dispose();
        _done.Dispose();
    }

    private void GivenBack()
    {
        if (Interlocked.Decrement(ref _outstanding) == 0) _done.Set();
    }
}
