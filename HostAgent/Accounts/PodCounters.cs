namespace HostAgent.Accounts;

/// <summary>One shard's counts of one pod. Only the shard's thread writes.</summary>
internal sealed class PodCounters
{
    private long _frames;
    private long _bytes;
    private long _lost;

    public long Frames => Volatile.Read(ref _frames);

    public long Bytes => Volatile.Read(ref _bytes);

    public long Lost => Volatile.Read(ref _lost);

    public void Seen(int bytes)
    {
        _frames++;
        _bytes += bytes;
    }

    public void LostOne() => _lost++;
}
