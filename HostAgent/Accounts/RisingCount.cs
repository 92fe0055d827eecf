using Microsoft.Extensions.Logging;

namespace HostAgent.Accounts;

/// <summary>
/// A count that stands still when all is well. While it rises it makes a warning, and now and then a line in the log. A rise ends when the
/// count has stood still for some seconds, so a trickle is one rise, and how often somebody looks makes no difference.
/// </summary>
/// <param name="what">What is counted, such as "frames lost as no_sensor".</param>
/// <param name="mend">What is behind it and what to do, as the end of a sentence.</param>
/// <param name="patience">How long it rises before that is worth a warning.</param>
/// <param name="logger">Gets the beginning and the end, and a line every ten minutes between; no more for a count that starts over and
/// over.</param>
/// <param name="clock">For the times.</param>
internal sealed class RisingCount(string what, string mend, TimeSpan patience, ILogger logger, TimeProvider clock)
{
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Repeat = TimeSpan.FromMinutes(10);

    private long _highest;
    private long _before;
    private long _began;
    private long _rose;
    private bool _rising;
    private bool _said;
    private long? _saidAt;

    /// <summary>Whether the last look made a warning.</summary>
    public bool Warns { get; private set; }

    /// <param name="count">As it is now. One that goes back has not risen.</param>
    /// <returns>The warning; null while all is well.</returns>
    public string? Look(long count)
    {
        long now = clock.GetTimestamp();
        if (count > _highest)
        {
            if (!_rising) (_rising, _began, _before) = (true, now, _highest);
            _rose = now;
            _highest = count;
        }
        else if (_rising && clock.GetElapsedTime(_rose, now) >= Still)
        {
            _rising = false;
        }

        bool warned = Warns;
        Warns = _rising && clock.GetElapsedTime(_began, _rose) >= patience;
        long risen = _highest - _before;
        long seconds = Math.Max(1, (long)Math.Round(clock.GetElapsedTime(_began, _rose).TotalSeconds));
        Log(warned, now, risen, seconds);
        return Warns ? $"{risen:N0} {what} within {seconds} s: {mend}" : null;
    }

    private void Log(bool warned, long now, long risen, long seconds)
    {
        if (Warns && (_saidAt is not { } at || clock.GetElapsedTime(at, now) >= Repeat))
        {
            (_said, _saidAt) = (true, now);
            logger.LogWarning("{Count} {What} within {Seconds} s: {Mend}", risen, what, seconds, mend);
        }
        else if (warned && !Warns && _said)
        {
            _said = false;
            logger.LogInformation("No more {What}: {Count} in all, within {Seconds} s", what, risen, seconds);
        }
    }
}
