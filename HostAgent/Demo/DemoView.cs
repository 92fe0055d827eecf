using HostAgent.Observability;
using Spectre.Console;

namespace HostAgent.Demo;

/// <summary>Shows the agent's readings while the traffic runs: a live table on a terminal, lines elsewhere.</summary>
internal static class DemoView
{
    private static readonly string[] Columns = ["namespace", "pod", "link", "found by", "frames/s", "Mbit/s", "lost"];

    /// <summary>Reads and shows, until cancelled.</summary>
    /// <param name="duration">How long there will be something to show.</param>
    /// <param name="lines">Where lines go; null for a live table on the terminal.</param>
    /// <param name="read">Asks the agent.</param>
    /// <param name="cancellation">Ends it, without an exception.</param>
    public static async Task ShowAsync(
        TimeSpan duration, TextWriter? lines, Func<CancellationToken, Task<AgentReading>> read, CancellationToken cancellation)
    {
        try
        {
            if (lines is null)
            {
                await AnsiConsole.Live(new Text("")).StartAsync(live => LoopAsync(TimeSpan.FromMilliseconds(500), (reading, rates) =>
                {
                    live.UpdateTarget(Table(reading, rates));
                    return Task.CompletedTask;
                }, read, cancellation)).ConfigureAwait(false);
            }
            else
            {
                await LoopAsync(LineInterval(duration), async (reading, rates) =>
                {
                    foreach (string[] row in PodRows(reading, rates)) await lines.WriteLineAsync(Line(row)).ConfigureAwait(false);
                    await lines.WriteLineAsync("  " + reading.LedgerInWords).ConfigureAwait(false);
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

    private static async Task LoopAsync(
        TimeSpan interval, Func<AgentReading, PodRates, Task> show, Func<CancellationToken, Task<AgentReading>> read,
        CancellationToken cancellation)
    {
        await foreach ((AgentReading reading, PodRates? rates) in PodRates.FollowAsync(interval, read, cancellation).ConfigureAwait(false))
        {
            if (rates is not null) await show(reading, rates).ConfigureAwait(false);
        }
    }

    private static string Line(string[] row) =>
        $"  {row[0] + "/" + row[1],-16} {row[2],-12} {row[3],-10} {row[4],9} frames/s {row[5],8} Mbit/s {row[6],8} lost";

    private static Rows Table(AgentReading reading, PodRates rates)
    {
        Table table = new Table().RoundedBorder();
        foreach (string column in Columns)
        {
            var made = new TableColumn(column);
            table.AddColumn(column is "frames/s" or "Mbit/s" or "lost" ? made.RightAligned() : made);
        }

        foreach (string[] row in PodRows(reading, rates)) table.AddRow([.. row.Select(Markup.Escape)]);
        return new Rows(table, new Text(reading.LedgerInWords));
    }

    /// <summary>A pod that is not captured has its state and the reason in place of its link.</summary>
    private static IEnumerable<string[]> PodRows(AgentReading reading, PodRates rates)
    {
        foreach (StatusDocument.PodPart pod in reading.InScope)
        {
            (string frames, string megabits) = rates.Of(pod);
            yield return
            [
                pod.Namespace, pod.Name,
                pod.State == "captured" ? Joined(pod.Links.Select(link => link.Name)) : $"{pod.State}: {pod.Reason}",
                Joined(pod.Links.Select(link => link.FoundBy)), frames, megabits, reading.Of(pod).Lost.ToString("N0"),
            ];
        }
    }

    private static string Joined(IEnumerable<string> names) => string.Join(",", names.Distinct());
}
