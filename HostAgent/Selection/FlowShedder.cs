using System.Numerics;
using HostAgent.Capture;
using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>
/// Decides what is given up when frames come faster than they can be sent: of the lowest priority first, and always of the link that
/// costs most, so that a pod's flood costs that pod and not its neighbours of the same priority; of that link whole flows, the largest
/// first, since a sensor makes nothing of a flow with holes. Without it the ring would overflow and take frames of every pod at random.
/// Checksums are not given up first: a sensor drops a frame with a wrong one, silently and off the ledger, and they cost little. All but
/// <see cref="Shed"/> belongs to one thread.
/// </summary>
internal sealed class FlowShedder
{
    private const double Behind = 0.5;
    private const double CaughtUp = 0.125;
    private const int LooksBehind = 3;
    private const long LookEvery = 20;
    private const long FirstPause = 50;
    private const long LongestPause = 2000;

    // How much is given up in one look, of all that is sent. Where there are others to be spared it is more: while the ring overflows they
    // lose frames, too, and this must end within a few looks.
    private const double StepAlone = 0.125, StepBehind = 0.25, StepOverflowed = 0.5;

    // How busy the thread may become by what is taken back, where there are others to be spared.
    private const double BusyEnough = 0.9;

    // A limit on how busy the thread may be is kept on the average, which a cut shows in after as many looks.
    private const long CutEvery = 8 * LookEvery;

    // How much of that limit what is taken back may use.
    private const double RoomOfLimit = 0.9;

    // A price that was learned on a bad day must not keep a flow away for good: it is forgotten, in so many milliseconds to a third.
    private const double PriceForgotten = 60_000;

    private LinkLoad[] _links = [];
    private LinkParts[] _shed = [];
    private double _lastBacklog;
    private int _stays;
    private long _lastOverflows;
    private long _lastLook;
    private long _lastReturn = long.MinValue / 2;
    private long _pause = FirstPause;
    private long _lastCut = long.MinValue / 2;
    private bool _attempted;
    private double _busyLimit = 1;

    // Moving averages by look: the thread's time that went into sending, in milliseconds, the cost of what it sent, how busy it was, and
    // how long the look lasted, in milliseconds.
    private double _spent;
    private double _worth;
    private double _busy;
    private double _interval = LookEvery;

    // The thread's time that a unit of cost takes, in milliseconds.
    private double Price => _worth > 0 ? _spent / _worth : 0;

    // There is nobody to be spared. Lately, since a reader that is far behind has not met the neighbours' frames of now.
    private bool Alone => _links.Count(link => link.SpokeLately) <= 1;

    /// <summary>What is given up, by link; a new array whenever it changes. Any thread may read it.</summary>
    public LinkParts[] Shed => Volatile.Read(ref _shed);

    /// <summary>
    /// How busy the thread may be, 0 to 1. Below 1 flows are given up for it, too, not only when the thread cannot keep up. Any thread may
    /// set it.
    /// </summary>
    public double BusyLimit
    {
        get => Volatile.Read(ref _busyLimit);
        set => Volatile.Write(ref _busyLimit, value);
    }

    /// <summary>From now on these are the captured links.</summary>
    public void Watch(LinkLoad[] links)
    {
        _links = links;
        Publish();
    }

    /// <summary>True when it is time for the next look.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public bool IsDue(long now) => now - _lastLook >= LookEvery;

    /// <summary>Called when <see cref="IsDue"/>.</summary>
    /// <param name="ring">What the thread found since the last look.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Observe(RingLoad ring, long now)
    {
        long sent = 0, seen = 0;
        int active = 0;
        foreach (LinkLoad link in _links)
        {
            link.Age();
            sent += link.SentLast;
            seen += link.SeenLast;
            if (link.Recent > 0) active++;
        }

        Learn(sent, seen, ring.Busy, Math.Clamp(now - _lastLook, 1, 1000));

        // A backlog alone is what any pause of this thread or burst of a pod leaves behind. Only one that does not shrink from look to look
        // tells that frames come faster than they go; what was shed last shows its effect once the blocks before it are read. An agent that
        // is stopped by its CPU limit in every period works all of it off each time, but loses frames at random meanwhile.
        _stays = ring.Backlog >= Behind && ring.Backlog >= _lastBacklog ? _stays + 1 : 0;
        bool behind = _stays >= LooksBehind;
        bool overflowed = ring.Overflows > _lastOverflows;
        bool dear = BusyLimit < 1 && _busy > BusyLimit && now - _lastCut >= CutEvery;
        if (dear) _lastCut = now;
        if (behind || overflowed || dear) GiveUp(active, overflowed ? ring.Excess : null, now);
        else if (ring.Backlog <= CaughtUp && _shed.Length > 0 && now - _lastReturn >= _pause) TakeBack(now);
        _lastBacklog = ring.Backlog;
        _lastOverflows = ring.Overflows;
        _lastLook = now;
    }

    private void Learn(long sent, long seen, double busy, long elapsed)
    {
        _interval += (elapsed - _interval) / 8;
        _busy += (busy - _busy) / 8;
        // While the thread has little to do, its time goes into waking up; while most is given up, into passing it over, and a backlog of
        // that would make the little that is sent look dear.
        if (busy < 0.2 || sent <= 0 || sent < seen / 2)
        {
            _spent *= 1 - (elapsed / PriceForgotten);
            return;
        }

        // Both are averaged, not their quotient: the first frames of all take a thousand times as long, and are few.
        _spent += ((busy * elapsed) - _spent) / 8;
        _worth += (sent - _worth) / 8;
    }

    /// <summary>What of what was sent is to be given up.</summary>
    /// <param name="active">How many links have traffic.</param>
    /// <param name="excess">Of a ring that overflowed: how many frames came for each that was read.</param>
    /// <param name="now">As for <see cref="Observe"/>.</param>
    private void GiveUp(int active, double? excess, long now)
    {
        // Taking flows back too soon is what brought the backlog: the next attempt waits longer, and for more room.
        if (_attempted && now - _lastReturn < 1000)
        {
            _pause = Math.Min(LongestPause, _pause * 2);
            _spent *= 2;
        }

        _attempted = false;
        bool alone = Alone;
        double step = alone ? StepAlone : excess is { } times ? Math.Max(StepOverflowed, 1 - (1 / times)) : StepBehind;
        double enough = _links.Sum(link => link.Sent) * step;
        // A link that costs less than half of its share of what can be sent is not what brought the backlog; what did is being worked off.
        double share = alone || Price == 0 ? 0 : 2 * _interval * BusyLimit / Price / Math.Max(2, active) / 2;
        MirrorPriority highest = _links.Where(link => link.Recent > 0).Select(link => link.Priority).DefaultIfEmpty().Max();
        // A higher priority goes only when nothing else is left, small or large.
        LinkLoad[] floods = [.. _links.Where(link => link.Shed != 0 || link.Sent > share || link.Priority != highest)];
        // Of what a flood sends, only what was read is known.
        double left = share / (excess ?? 1);
        for (double given = 0; given <= enough;)
        {
            LinkLoad? most = floods.Where(link => link.Sent > 0).MinBy(link => (link.Priority, -link.Sent));
            if (most is null || (most.Priority == highest && most.Sent <= left)) break;
            given += most.GiveUp();
        }

        if (!alone && step > StepOverflowed)
        {
            foreach (LinkLoad flood in floods) flood.GiveUpUnread();
        }

        Publish();
    }

    /// <summary>What has the least traffic of the highest priority, a quarter of all that is given up, two parts at least.</summary>
    private void TakeBack(long now)
    {
        double busy = _busy, limit = BusyLimit;
        bool mayTry = Alone && limit == 1;
        double enough = Math.Min(BusyEnough, limit * RoomOfLimit);
        int parts = Math.Max(2, _shed.Sum(link => BitOperations.PopCount(link.Parts)) / 4);
        for (; parts > 0; parts--)
        {
            LinkLoad? least = _links.Where(link => link.Least is not null).MinBy(link => (-(int)link.Priority, link.Least));
            if (least is null) break;
            // A pod alone may try; where others would lose frames by the attempt, or time is limited, it must fit by all that is known.
            busy += least.Least!.Value * Price / (2 * _interval);
            if (!mayTry && busy > enough) break;
            least.TakeBack();
            (_lastReturn, _attempted) = (now, true);
        }

        Publish();
        if (_shed.Length == 0) _pause = FirstPause;
    }

    private void Publish() =>
        Volatile.Write(ref _shed, [.. _links.Where(link => link.Shed != 0).Select(link => new LinkParts(link.Link, link.Shed))]);
}
