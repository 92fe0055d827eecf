namespace HostAgent.Accounts;

/// <summary>The sign of life of one part, such as a capture thread. Beating costs one clock read and one write.</summary>
public sealed class Heartbeat
{
    private readonly string _name;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private long _last;

    internal Heartbeat(string name, TimeSpan patience, TimeProvider time)
    {
        (_name, _patience, _time) = (name, patience, time);
        Beat();
    }

    /// <summary>This part has just made progress, or has just found that there is nothing to do.</summary>
    public void Beat() => Volatile.Write(ref _last, _time.GetTimestamp());

    internal (bool Ok, string Text) Check()
    {
        TimeSpan age = _time.GetElapsedTime(Volatile.Read(ref _last));
        return age <= _patience ? (true, _name) : (false, $"{_name}: no progress for {age.TotalSeconds:F0} s");
    }
}
