using System.Diagnostics;
using HostAgent.Lab;
using HostAgent.Observability;
using Spectre.Console;

namespace HostAgent.Demo;

/// <summary>Shows the agent's readings while the traffic runs: a live table on a terminal, lines elsewhere.</summary>
internal sealed class DemoView
{
    private static readonly string[] Columns = ["namespace", "pod", "link", "found by", "frames/s", "Mbit/s", "lost"];

    private AgentReading? _last;
    private long _lastTime;

    /// <summary>Reads and shows, until cancelled.</summary>
    /// <param name="duration">How long there will be something to show.</param>
    /// <param name="lines">Where lines go; null for a live table on the terminal.</param>
    /// <param name="read">Asks the agent.</param>
    /// <param name="cancellation">Ends it, without an exception.</param>
    public async Task ShowAsync(
        TimeSpan duration, TextWriter? lines, Func<CancellationToken, Task<AgentReading>> read, CancellationToken cancellation)
    {
        try
        {
            if (lines is null)
            {
                await AnsiConsole.Live(new Text("")).StartAsync(live => LoopAsync(TimeSpan.FromMilliseconds(500), reading =>
                {
                    live.UpdateTarget(Table(reading));
                    return Task.CompletedTask;
                }, read, cancellation)).ConfigureAwait(false);
            }
            else
            {
                await LoopAsync(LineInterval(duration), async reading =>
                {
                    foreach (string[] row in PodRows(reading)) await lines.WriteLineAsync(Line(row)).ConfigureAwait(false);
                    await lines.WriteLineAsync("  " + LedgerText(reading)).ConfigureAwait(false);
                }, read, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The traffic has ended.
        }
    }

    /// <summary>Three or four times in a run, and not more often than can be read.</summary>
    private static TimeSpan LineInterval(TimeSpan duration) => TimeSpan.FromSeconds(Math.Clamp(duration.TotalSeconds / 4, 1, 60));

    private async Task LoopAsync(
        TimeSpan interval, Func<AgentReading, Task> show, Func<CancellationToken, Task<AgentReading>> read, CancellationToken cancellation)
    {
        _last = await read(cancellation).ConfigureAwait(false);
        _lastTime = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(interval);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            AgentReading reading = await read(cancellation).ConfigureAwait(false);
            await show(reading).ConfigureAwait(false);
            _last = reading;
            _lastTime = Stopwatch.GetTimestamp();
        }
    }

    private static string Line(string[] row) =>
        $"  {row[0] + "/" + row[1],-16} {row[2],-12} {row[3],-10} {row[4],9} frames/s {row[5],8} Mbit/s {row[6],8} lost";

    private static string LedgerText(AgentReading reading) =>
        $"ledger: seen {reading.Ledger.Seen:N0} = delivered {reading.Ledger.Delivered:N0} + in flight {reading.Ledger.InFlight:N0} "
        + $"+ lost {reading.Lost:N0} ({reading.LossesInWords}); segments {reading.Ledger.Segments:N0}";

    private Rows Table(AgentReading reading)
    {
        Table table = new Table().RoundedBorder();
        foreach (string column in Columns)
        {
            var made = new TableColumn(column);
            table.AddColumn(column is "frames/s" or "Mbit/s" or "lost" ? made.RightAligned() : made);
        }

        foreach (string[] row in PodRows(reading)) table.AddRow([.. row.Select(Markup.Escape)]);
        return new Rows(table, new Text(LedgerText(reading)));
    }

    /// <summary>A pod that is not captured has its state and the reason in place of its link.</summary>
    private IEnumerable<string[]> PodRows(AgentReading reading)
    {
        double seconds = Stopwatch.GetElapsedTime(_lastTime).TotalSeconds;
        foreach (StatusDocument.PodPart pod in reading.InScope)
        {
            PodCounts now = reading.Pods.GetValueOrDefault((pod.Namespace, pod.Name)),
                before = _last!.Pods.GetValueOrDefault((pod.Namespace, pod.Name));
            yield return
            [
                pod.Namespace, pod.Name,
                pod.State == "captured" ? Joined(pod.Links.Select(link => link.Name)) : $"{pod.State}: {pod.Reason}",
                Joined(pod.Links.Select(link => link.FoundBy)),
                ((now.Frames - before.Frames) / seconds).ToString("N0"), ((now.Bytes - before.Bytes) * 8e-6 / seconds).ToString("N1"),
                now.Lost.ToString("N0"),
            ];
        }
    }

    private static string Joined(IEnumerable<string> names) => string.Join(",", names.Distinct());
}
