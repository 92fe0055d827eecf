namespace HostAgent.Accounts;

/// <summary>
/// Keeps what happens over and over from filling the log: the first few times are said at once, then how often it happened is said once in
/// a while, and the more seldom the longer it goes on. When it has not happened for a minute the rest is said, and it starts anew.
/// </summary>
/// <param name="atOnce">How many times are said at once.</param>
/// <param name="clock">For the times.</param>
internal sealed class Damper(int atOnce, TimeProvider clock)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LastPause = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);

    private readonly int _atOnce = atOnce;
    private int _left = atOnce;
    private TimeSpan _pause = FirstPause;
    private int _unsaid;
    private long _happened = clock.GetTimestamp();
    private long _said;

    /// <summary>It has not happened for long, and nothing is left to be said.</summary>
    public bool IsCalm => _unsaid == 0 && clock.GetElapsedTime(_happened) >= Calm;

    public void Happened()
    {
        if (IsCalm) (_left, _pause) = (_atOnce, FirstPause);
        _unsaid++;
        _happened = clock.GetTimestamp();
    }

    /// <returns>How often it has happened since that was last said, which the caller says now; 0 when it is not the time.</returns>
    public int Due()
    {
        if (_unsaid == 0) return 0;
        if (_left > 0)
        {
            _left--;
        }
        else if (clock.GetElapsedTime(_happened) < Calm)
        {
            if (clock.GetElapsedTime(_said) < _pause) return 0;
            _pause = _pause * 2 < LastPause ? _pause * 2 : LastPause;
        }

        int times = _unsaid;
        (_unsaid, _said) = (0, clock.GetTimestamp());
        return times;
    }

    /// <returns>How often it has happened since that was last said, which the caller says now, whether or not it is the time.</returns>
    public int Rest()
    {
        int times = _unsaid;
        _unsaid = 0;
        return times;
    }
}
