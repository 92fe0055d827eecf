using System.Net;
using Spectre.Console;

namespace HostAgent.Observability;

/// <summary><c>host-agent status</c>: what runs, from the running agent.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <param name="address">Where the agent listens, on loopback.</param>
    /// <param name="watch">Goes on until cancelled, every two seconds, with what pods carry in a second.</param>
    /// <param name="json">/status as it is, one object on one line each time.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>0: the agent has answered.</returns>
    /// <exception cref="IOException">No agent answers; the message says what to do.</exception>
    public static async Task<int> RunAsync(IPEndPoint address, bool watch, bool json, TextWriter output, CancellationToken cancellation)
    {
        using var agent = new AgentClient(address);
        try
        {
            if (json) await WriteJsonAsync(agent, watch, output, cancellation).ConfigureAwait(false);
            else if (watch) await WatchAsync(agent, output, cancellation).ConfigureAwait(false);
            else await CoverageTable.Of(await agent.ReadAsync(cancellation).ConfigureAwait(false), rates: null)
                .WriteAsync(output).ConfigureAwait(false);
            return 0;
        }
        catch (Exception e) when (AgentClient.Explain(e, address, cancellation) is { } explained)
        {
            throw explained;
        }
    }

    private static async Task WriteJsonAsync(AgentClient agent, bool watch, TextWriter output, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Interval);
        do
        {
            await output.WriteLineAsync(await agent.StatusAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        }
        while (watch && await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }

    private static async Task WatchAsync(AgentClient agent, TextWriter output, CancellationToken cancellation)
    {
        if (!StatusTable.IsTerminal(output))
        {
            await FollowAsync(agent, table => output.WriteLineAsync(table.ToPlainText()), cancellation).ConfigureAwait(false);
            return;
        }

        // What does not fit is cut at the bottom; the default would show nothing but the end.
        await AnsiConsole.Live(new Text("")).Overflow(VerticalOverflow.Crop).Cropping(VerticalOverflowCropping.Bottom)
            .StartAsync(live => FollowAsync(agent, table =>
            {
                live.UpdateTarget(table.Drawn());
                return Task.CompletedTask;
            }, cancellation)).ConfigureAwait(false);
    }

    private static async Task FollowAsync(AgentClient agent, Func<StatusTable, Task> show, CancellationToken cancellation)
    {
        await foreach ((AgentReading reading, PodRates? rates) in
            PodRates.FollowAsync(Interval, agent.ReadAsync, cancellation).ConfigureAwait(false))
        {
            await show(CoverageTable.Of(reading, rates)).ConfigureAwait(false);
        }
    }
}
