namespace HostAgent.Capture;

/// <summary>The blocks of a capture that copies: a few, each of them somebody's or free.</summary>
internal sealed class CopyBlocks : IDisposable
{
    private const int Count = 4;

    private readonly Stack<CopyBlock> _free = [];
    private readonly SemaphoreSlim _anyFree = new(Count);

    public CopyBlocks()
    {
        for (int i = 0; i < Count; i++) _free.Push(new CopyBlock(this));
    }

    /// <summary>An empty block; null when none came free within the time.</summary>
    public CopyBlock? Take(int timeoutMilliseconds)
    {
        if (!_anyFree.Wait(timeoutMilliseconds)) return null;
        CopyBlock block;
        lock (_free) block = _free.Pop();
        block.Clear();
        return block;
    }

    public void Release(CopyBlock block)
    {
        lock (_free) _free.Push(block);
        _anyFree.Release();
    }

    public void Dispose()
    {
        foreach (CopyBlock block in _free) block.Free();
        _free.Clear();
        _anyFree.Dispose();
    }
}
