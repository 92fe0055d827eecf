namespace HostAgent.Policy;

/// <summary>Parses a duration as Kubernetes writes simple ones: 500ms, 20s, 5m, 1h.</summary>
public static class Duration
{
    /// <summary>Null when the text is no duration, or not above zero, or more than a day.</summary>
    public static TimeSpan? Parse(string text)
    {
        if (CountedUnit.Parse(text) is not ( <= 86_400_000 and var count, var unit)) return null;
        TimeSpan? duration = unit switch
        {
            "ms" => TimeSpan.FromMilliseconds(count),
            "s" => TimeSpan.FromSeconds(count),
            "m" => TimeSpan.FromMinutes(count),
            "h" => TimeSpan.FromHours(count),
            _ => null,
        };
        return duration > TimeSpan.Zero && duration <= TimeSpan.FromDays(1) ? duration : null;
    }
}
