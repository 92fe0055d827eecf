using System.Diagnostics;

namespace HostAgent.Tests;

/// <summary>Waits for something that another thread or program brings about.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <summary>Polls until the condition holds.</summary>
    /// <param name="condition">What is waited for.</param>
    /// <param name="what">The same, as the failure message says it.</param>
    /// <param name="seconds">The deadline; generous, since it costs nothing when all is well.</param>
    public static async Task ThatAsync(Func<bool> condition, string what, int seconds = 30)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(Interval))
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > seconds) Assert.Fail($"not within {seconds} s: {what}");
        }
    }

    /// <summary>The same in code that cannot await it.</summary>
    public static void That(Func<bool> condition, string what, int seconds = 30) =>
        ThatAsync(condition, what, seconds).GetAwaiter().GetResult();
}
