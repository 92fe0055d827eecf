using System.Numerics;
using HostAgent.Selection;

namespace HostAgent.Tunnel;

/// <summary>
/// What a reader that is slower than its frames does not get: whole flows, the largest first, and more of them the less room is left. They
/// come back, the smallest first, when the reader has caught up; where that was too soon, the next attempt waits longer. One thread.
/// </summary>
internal sealed class ReaderLoad
{
    private const double Behind = 0.5, CaughtUp = 0.125;
    private const int Steps = 8;
    private const long LookEvery = 20, FirstPause = 50, LongestPause = 5000, TooSoon = 1000;

    private readonly LinkLoad _load = new(link: 0);
    private int _step;
    private long _lastLook, _lastReturn = long.MinValue / 2, _pause = FirstPause;
    private bool _attempted;

    /// <summary>Takes note of a frame, and tells whether its flow is given up.</summary>
    public bool GivesUp(int part, long cost) => _load.Sheds(part, cost);

    /// <summary>There was no room for a frame: its flow is not to have holes in many places.</summary>
    public void GiveUp(int part) => _load.GiveUp(part);

    /// <param name="fill">How full the room is, 0 to 1.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Observe(double fill, long now)
    {
        if (now - _lastLook >= LookEvery)
        {
            _load.Age();
            _lastLook = now;
        }

        int step = fill < Behind ? 0 : 1 + (int)((fill - Behind) / (1 - Behind) * Steps);
        if (step > _step) GiveUp(step - _step, now);
        else if (fill <= CaughtUp && _load.Shed != 0 && now - _lastReturn >= _pause) TakeBack(now);
        // One step lower is what any send leaves behind.
        _step = Math.Max(step, fill < CaughtUp ? 0 : Math.Min(_step, step + 1));
    }

    private void GiveUp(int steps, long now)
    {
        if (_attempted && now - _lastReturn < TooSoon) _pause = Math.Min(LongestPause, _pause * 2);
        _attempted = false;
        // What has come since the last look counts.
        _load.Age();
        double enough = (double)_load.Sent * steps / Steps;
        for (double given = 0; given < enough && _load.Sent > 0;) given += _load.GiveUp();
    }

    private void TakeBack(long now)
    {
        for (int parts = Math.Max(1, BitOperations.PopCount(_load.Shed) / 4); parts > 0; parts--) _load.TakeBack();
        (_lastReturn, _attempted) = (now, true);
        if (_load.Shed == 0) _pause = FirstPause;
    }
}
