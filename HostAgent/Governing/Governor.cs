using System.Collections.Immutable;

namespace HostAgent.Governing;

/// <summary>
/// Decides on the level, from how hard the brakes are pressed: a step down when one is for some seconds; a step up when, with what the last
/// step down has eased added to what is measured now, all would still have room, for longer. A step up that had to be taken back doubles
/// the time until the next one. So under a constant load it comes to rest, and under one that comes and goes it stays down. It has no
/// clock and reads nothing; one thread at a time.
/// </summary>
internal sealed class Governor
{
    /// <summary>How much of a limit may be used after a step up; the distance to the limit is the hysteresis.</summary>
    public const double Room = 0.8;

    /// <summary>How long all must have room before the first step up.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(10);

    /// <summary>A step down so soon after a step up takes it back.</summary>
    public static readonly TimeSpan Probation = TimeSpan.FromMinutes(15);

    private const int MostDoubt = 64;

    private static readonly TimeSpan OwnPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NodePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    // So long without a step that had to be taken back halves the doubt.
    private static readonly TimeSpan Doubted = TimeSpan.FromHours(1);

    // What a step had eased may be wrong, and nothing but an attempt tells. The time in which it is forgotten to a third.
    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(1);

    private static readonly Brake[] Brakes = Enum.GetValues<Brake>();

    private readonly BrakeHistory[] _brakes = [.. Brakes.Select(_ => new BrakeHistory())];
    private readonly double[] _heldBefore = new double[GovernorLevels.All.Length];
    private readonly TimeSpan[] _learned = new TimeSpan[GovernorLevels.All.Length];
    private TimeSpan? _last;
    private TimeSpan _stepped;
    private TimeSpan _doubted;
    private TimeSpan? _roomSince;
    private TimeSpan? _attempted;
    private bool _learning;
    private int _doubt = 1;
    private double _held;

    public GovernorLevel Level { get; private set; }

    /// <summary>Why it is at this level, as the end of a sentence; null before the first step.</summary>
    public string? Reason { get; private set; }

    public long StepsDown { get; private set; }

    public long StepsUp { get; private set; }

    /// <summary>Takes a look, every second or so.</summary>
    /// <param name="strains">The brakes that are known at the moment.</param>
    /// <param name="heldBack">How many frames a second are captured and not sent because of rules and level.</param>
    /// <param name="ladder">The levels that make a difference: <see cref="GovernorLevels.Ladder"/>.</param>
    /// <param name="now">On a clock that never goes back.</param>
    /// <returns>Whether the level has changed, by one step.</returns>
    public bool Observe(IReadOnlyCollection<Strain> strains, double heldBack, ImmutableArray<GovernorLevel> ladder, TimeSpan now)
    {
        TimeSpan elapsed = now - (_last ?? now);
        if (_last is null) _stepped = _doubted = now;
        _last = now;
        foreach (Brake brake in Brakes)
        {
            Strain? strain = null;
            foreach (Strain known in strains) strain = known.Brake == brake ? known : strain;
            _brakes[(int)brake].Observe(strain, elapsed, now);
        }

        _held = elapsed > TimeSpan.Zero && now - _stepped > elapsed ? _held + ((heldBack - _held) / 4) : heldBack;
        Learn(now);
        return StepDown(ladder, now) || StepUp(ladder, now);
    }

    private void Learn(TimeSpan now)
    {
        if (_learning && now - _stepped >= Settling)
        {
            foreach (BrakeHistory brake in _brakes) brake.Learn(Level);
            (_heldBefore[(int)Level], _learned[(int)Level], _learning) = (_held, now, false);
        }

        if (now - _doubted < Doubted) return;
        (_doubted, _doubt) = (now, Math.Max(1, _doubt / 2));
    }

    private bool StepDown(ImmutableArray<GovernorLevel> ladder, TimeSpan now)
    {
        foreach (Brake brake in Brakes)
        {
            TimeSpan patience = brake == Brake.Cpu ? OwnPatience : NodePatience;
            if (!_brakes[(int)brake].IsPressed(patience, now)) continue;
            GovernorLevel next = ladder.FirstOrDefault(level => level > Level);
            // Given up is what the CPU budget does not pay for; for the other brakes there is no such measure.
            if (next <= Level || (next == GovernorLevel.Shed && brake != Brake.Cpu)) continue;
            if (_attempted is { } attempt && now - attempt < Probation) (_doubt, _doubted) = (Math.Min(MostDoubt, _doubt * 2), now);
            _attempted = null;
            StepsDown++;
            Step(next, _brakes[(int)brake].InWords, now);
            _learning = true;
            return true;
        }

        return false;
    }

    private bool StepUp(ImmutableArray<GovernorLevel> ladder, TimeSpan now)
    {
        if (Level == GovernorLevel.Full) return false;
        BrakeHistory tightest = _brakes.MaxBy(brake => brake.Without(Level, Weight(now)))!;
        if (_learning || tightest.Without(Level, Weight(now)) > Room)
        {
            _roomSince = null;
            return false;
        }

        _roomSince ??= now;
        if (now - _roomSince < FirstPause * _doubt) return false;
        _attempted = now;
        StepsUp++;
        Step(ladder.LastOrDefault(level => level < Level), $"there is room for more: {tightest.InWords}", now);
        return true;
    }

    private void Step(GovernorLevel to, string reason, TimeSpan now)
    {
        foreach (BrakeHistory brake in _brakes) brake.Restart();
        (Level, Reason, _stepped, _roomSince, _learning) = (to, reason, now, null, false);
    }

    /// <summary>How much of what the step down to this level has eased it would bring back to take that step back.</summary>
    private double Weight(TimeSpan now)
    {
        double trust = Math.Exp(-(now - _learned[(int)Level]) / (Forgotten * _doubt));
        double held = _heldBefore[(int)Level];
        return trust * (held > 1 ? Math.Min(2, _held / held) : 1);
    }
}
