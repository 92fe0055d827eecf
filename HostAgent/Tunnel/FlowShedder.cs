namespace HostAgent.Tunnel;

/// <summary>
/// What is given up when frames come faster than they can be sent: whole flows, chosen by their hash, more of them the longer it lasts. A
/// sensor can work with fewer flows; of a flow with holes it makes nothing. Without it the ring would overflow and take frames out of every
/// flow at random. Checksums are not given up first, since a sensor drops a frame with a wrong one, silently and off the ledger, and they cost little.
/// </summary>
internal sealed class FlowShedder
{
    /// <summary>Of so many equal parts of all flows, some are shed.</summary>
    public const int Parts = 64;

    private const double Behind = 0.5;
    private const double CaughtUp = 0.125;
    private const long LookEvery = 20;
    private const long FirstPause = 50;
    private const long LongestPause = 2000;

    private double _lastBacklog;
    private long _lastLook;
    private long _lastReturn = long.MinValue / 2;
    private long _pause = FirstPause;
    private int _shed;

    /// <summary>How many of <see cref="Parts"/> are being shed. Any thread may read it.</summary>
    public int Shed => Volatile.Read(ref _shed);

    /// <summary>Called for every block.</summary>
    /// <param name="backlog">The part of the ring that waits to be read, 0 to 1.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Observe(double backlog, long now)
    {
        if (now - _lastLook < LookEvery) return;

        // A backlog alone is what any pause of this thread leaves behind. Only one that does not shrink while it is being worked off tells
        // that frames come faster than they go; what was shed last shows its effect once the blocks before it are read.
        if (backlog >= Behind && backlog >= _lastBacklog) GiveUp(now);
        else if (backlog <= CaughtUp && _shed > 0 && now - _lastReturn >= _pause) TakeBack(now);
        _lastBacklog = backlog;
        _lastLook = now;
    }

    /// <summary>The same for both directions of a flow, and for the same flow every time.</summary>
    public bool Sheds(uint flowHash) => flowHash % Parts < (uint)_shed;

    private void GiveUp(long now)
    {
        // The first sight of a backlog is not yet a trend.
        if (_lastBacklog < Behind) return;
        // Taking flows back too soon is what brought the backlog: the next attempt waits longer.
        if (now - _lastReturn < 1000) _pause = Math.Min(LongestPause, _pause * 2);
        Volatile.Write(ref _shed, Math.Min(Parts, _shed + Math.Max(2, _shed / 4)));
    }

    private void TakeBack(long now)
    {
        Volatile.Write(ref _shed, _shed - Math.Max(1, _shed / 4));
        _lastReturn = now;
        if (_shed == 0) _pause = FirstPause;
    }
}
