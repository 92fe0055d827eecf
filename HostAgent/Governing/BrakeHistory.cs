namespace HostAgent.Governing;

/// <summary>How hard one brake has been pressed since the last step, and how much each step has eased it.</summary>
internal sealed class BrakeHistory
{
    /// <summary>Over so long a single look weighs little: a burst is no overload.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(5);

    private readonly double[] _eased = new double[GovernorLevels.All.Length];
    private readonly double[] _left = new double[GovernorLevels.All.Length];
    private double? _mean;
    private double _before;
    private TimeSpan? _pressedSince;

    /// <summary>The moving average since the last step, in parts of the limit.</summary>
    public double Mean => _mean ?? 0;

    /// <summary>The last look in words; empty before the first.</summary>
    public string InWords { get; private set; } = "";

    /// <summary>Takes a look.</summary>
    /// <param name="strain">Null where the brake is not known, such as PSI on a kernel without it.</param>
    /// <param name="elapsed">Since the look before.</param>
    /// <param name="now">On the caller's clock.</param>
    public void Observe(Strain? strain, TimeSpan elapsed, TimeSpan now)
    {
        if (strain is not { } seen)
        {
            (_mean, _pressedSince) = (null, null);
            return;
        }

        InWords = seen.InWords;
        _mean = _mean is { } mean ? mean + ((seen.Ratio - mean) * (1 - Math.Exp(-elapsed / Memory))) : seen.Ratio;
        _pressedSince = _mean > 1 ? _pressedSince ?? now : null;
    }

    /// <summary>Whether it was too much all the time for so long.</summary>
    public bool IsPressed(TimeSpan patience, TimeSpan now) => _pressedSince is { } since && now - since >= patience;

    /// <summary>A step is made: what follows is measured anew.</summary>
    public void Restart()
    {
        _before = Mean;
        (_mean, _pressedSince) = (null, null);
    }

    /// <summary>Takes note of what the step down to this level has eased.</summary>
    public void Learn(GovernorLevel level)
    {
        _eased[(int)level] = Math.Max(0, _before - Mean);
        _left[(int)level] = Mean;
    }

    /// <summary>What it would be without the last step: as it is now, and what the step had eased.</summary>
    /// <param name="level">The level of now.</param>
    /// <param name="weight">How much of what was learned still holds, as far as is known from elsewhere.</param>
    public double Without(GovernorLevel level, double weight)
    {
        // Where the load itself has gone since, what is left of it costs less, too, and so would what was taken.
        double left = _left[(int)level];
        double load = left > 0 ? Mean / left : 1;
        return Mean + (_eased[(int)level] * Math.Min(weight, load));
    }
}
