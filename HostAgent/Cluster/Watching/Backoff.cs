namespace HostAgent.Cluster;

/// <summary>
/// How long to wait before the next attempt: doubling, with jitter so that the agents of a whole cluster do not return in one moment.
/// The longest wait is short, since the pod list has to be right within seconds of a recovery.
/// </summary>
/// <param name="First">Upper bound of the wait after the first failure.</param>
/// <param name="Longest">Upper bound of every wait but one that the server asks for.</param>
/// <param name="LongestAsked">The server may ask for no more than this.</param>
public sealed record Backoff(TimeSpan First, TimeSpan Longest, TimeSpan LongestAsked)
{
    public static Backoff Default { get; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(1));

    /// <param name="failures">How many there were in a row, at least 1.</param>
    /// <param name="asked">A Retry-After.</param>
    public TimeSpan Delay(int failures, TimeSpan? asked)
    {
        double bound = Math.Min(Longest.TotalSeconds, First.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 20)));
        var own = TimeSpan.FromSeconds(bound * (0.5 + (Random.Shared.NextDouble() / 2)));
        if (asked is null) return own;
        TimeSpan least = asked.Value < LongestAsked ? asked.Value : LongestAsked;
        return least + (own / 2);
    }
}
