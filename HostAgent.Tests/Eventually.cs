using System.Diagnostics;

namespace HostAgent.Tests;

/// <summary>Waits for something that another thread or program brings about.</summary>
internal static class Eventually
{
    public static void That(Func<bool> condition, string what, int seconds = 20)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed.TotalSeconds > seconds) Assert.Fail($"not within {seconds} s: {what}");
            Thread.Sleep(10);
        }
    }
}
