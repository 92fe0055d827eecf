using System.Diagnostics;

namespace HostAgent.E2E.Running;

/// <summary>Waits that an interruption ends, and that say at their deadline what they saw.</summary>
internal static class Wait
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    /// <param name="seconds">From then on a problem is the test's failure.</param>
    /// <param name="problem">What is wrong; null when nothing is. That it throws is a problem, too: a cluster that changes does not
    /// always answer.</param>
    public static void Until(int seconds, Func<string?> problem)
    {
        var clock = Stopwatch.StartNew();
        while (Ask(problem) is { } wrong)
        {
            if (clock.Elapsed.TotalSeconds >= seconds) Assert.Fail($"for {seconds} s: {wrong}");
            For(Pause);
        }
    }

    public static void For(TimeSpan time)
    {
        Interruption.Token.WaitHandle.WaitOne(time);
        Interruption.Token.ThrowIfCancellationRequested();
    }

    private static string? Ask(Func<string?> problem)
    {
        try
        {
            return problem();
        }
        catch (Exception e) when (!Interruption.Token.IsCancellationRequested)
        {
            return e.Message;
        }
    }
}
