using System.Numerics;
using HostAgent.Capture;

namespace HostAgent.Tunnel;

/// <summary>
/// What is given up when frames come faster than they can be sent: whole flows, in the parts that <see cref="FlowPart"/> divides them into, those
/// with the most traffic first, more of them the longer it lasts. A sensor can work without a bulk transfer; of a flow with holes it makes
/// nothing. Without it the ring would overflow and take frames out of every flow at random. Checksums are not given up first, since a
/// sensor drops a frame with a wrong one, silently and off the ledger, and they cost little. All but <see cref="Shed"/> belongs to one thread.
/// </summary>
internal sealed class FlowShedder
{
    private const double Behind = 0.5;
    private const double CaughtUp = 0.125;
    private const double Step = 0.125;
    private const long LookEvery = 20;
    private const long FirstPause = 50;
    private const long LongestPause = 2000;

    // What a frame costs beside its bytes, in bytes that cost as much.
    private const long FrameCost = 2048;

    private readonly long[] _since = new long[FlowPart.Count];
    private readonly long[] _recent = new long[FlowPart.Count];
    private double _lastBacklog;
    private long _lastOverflows;
    private long _lastLook;
    private long _lastReturn = long.MinValue / 2;
    private long _pause = FirstPause;
    private ulong _shed;

    /// <summary>The parts that are being shed: bit i is part i. Any thread may read it.</summary>
    public ulong Shed => Volatile.Read(ref _shed);

    /// <summary>Takes note of a frame, whether it is shed or not.</summary>
    /// <param name="part">Its flow's.</param>
    /// <param name="bytes">The frame's own, whether they were copied or not.</param>
    /// <returns>True when it is shed.</returns>
    public bool Sheds(int part, int bytes)
    {
        _since[part] += bytes + FrameCost;
        return (_shed >> part & 1) != 0;
    }

    /// <summary>True when it is time for the next look.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public bool IsDue(long now) => now - _lastLook >= LookEvery;

    /// <summary>Called when <see cref="IsDue"/>.</summary>
    /// <param name="backlog">The part of the ring that waits to be read, 0 to 1.</param>
    /// <param name="overflows">How often the ring became full, ever; not the frames lost, among which are some that no room would help.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Observe(double backlog, long overflows, long now)
    {
        for (int i = 0; i < _recent.Length; i++)
        {
            _recent[i] = (_recent[i] / 2) + _since[i];
            _since[i] = 0;
        }

        // A backlog alone is what any pause of this thread leaves behind. Only one that does not shrink while it is being worked off tells
        // that frames come faster than they go; what was shed last shows its effect once the blocks before it are read. An agent that is
        // stopped by its CPU limit in every period works all of it off each time, but loses frames at random meanwhile.
        bool behind = backlog >= Behind && _lastBacklog >= Behind && backlog >= _lastBacklog;
        if (behind || overflows > _lastOverflows) GiveUp(now);
        else if (backlog <= CaughtUp && _shed != 0 && now - _lastReturn >= _pause) TakeBack(now);
        _lastBacklog = backlog;
        _lastOverflows = overflows;
        _lastLook = now;
    }

    /// <summary>The parts with the most traffic, until they make a good part of all that is still sent.</summary>
    private void GiveUp(long now)
    {
        // Taking flows back too soon is what brought the backlog: the next attempt waits longer.
        if (now - _lastReturn < 1000) _pause = Math.Min(LongestPause, _pause * 2);
        ulong shed = _shed;
        double enough = Step * Traffic(~shed);
        for (double given = 0; shed != ulong.MaxValue && given <= enough;)
        {
            int most = Find(~shed, sign: 1);
            shed |= 1ul << most;
            given += _recent[most];
            // All of them silent: as good as any, but one at a time.
            if (_recent[most] == 0) break;
        }

        Volatile.Write(ref _shed, shed);
    }

    /// <summary>The parts with the least traffic, a quarter of all that are shed.</summary>
    private void TakeBack(long now)
    {
        ulong shed = _shed;
        for (int parts = Math.Max(1, BitOperations.PopCount(shed) / 4); parts > 0; parts--) shed &= ~(1ul << Find(shed, sign: -1));
        Volatile.Write(ref _shed, shed);
        _lastReturn = now;
        if (shed == 0) _pause = FirstPause;
    }

    /// <summary>The part with the most traffic among some, of which there is one at least; with a negative sign, the one with the least.</summary>
    private int Find(ulong among, int sign)
    {
        int found = BitOperations.TrailingZeroCount(among);
        for (int i = found + 1; i < _recent.Length; i++)
        {
            if ((among >> i & 1) != 0 && sign * _recent[i] > sign * _recent[found]) found = i;
        }

        return found;
    }

    private double Traffic(ulong parts)
    {
        double sum = 0;
        for (int i = 0; i < _recent.Length; i++) sum += (parts >> i & 1) != 0 ? _recent[i] : 0;
        return sum;
    }
}
