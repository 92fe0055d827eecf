using System.Diagnostics;
using System.Globalization;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>The machine's clock set ahead. Disposed of, it is where it would have been.</summary>
internal sealed class MachineClock : IDisposable
{
    private readonly DateTimeOffset _start = DateTimeOffset.UtcNow;

    // The monotonic clock, which does not jump with the other.
    private readonly Stopwatch _since = Stopwatch.StartNew();

    /// <exception cref="AssertionException">It cannot be set.</exception>
    public MachineClock(TimeSpan ahead) => Set(_start + ahead);

    public void Dispose() => Set(_start + _since.Elapsed);

    private static void Set(DateTimeOffset time)
    {
        string seconds = (time.ToUnixTimeMilliseconds() / 1000m).ToString("F3", CultureInfo.InvariantCulture);
        CommandResult result = Command.PutBack("date", "-s", $"@{seconds}");
        Assert.That(result.Succeeded, result.LastWords);
    }
}
