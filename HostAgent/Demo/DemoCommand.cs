using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>
/// <c>host-agent demo</c>: the whole product at work on namespaces that stand for a node and its pods, judged by a receiver that shares no
/// code with it. It needs root and iproute2, and leaves nothing behind.
/// </summary>
internal static class DemoCommand
{
    private const string Prefix = "hostagent-demo";

    /// <param name="duration">How long the traffic runs.</param>
    /// <param name="json">Prints one object as the last line of stdout, and everything else on stderr.</param>
    /// <param name="hold">Stays at work after the last measurement, until cancelled, and only then says how all went.</param>
    /// <param name="cancellation">Ends it early; what it made is removed all the same.</param>
    /// <returns>0 when everything held, else 1.</returns>
    public static async Task<int> RunAsync(TimeSpan duration, bool json, bool hold, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            await Console.Error.WriteLineAsync(
                "host-agent demo needs root, because it makes network namespaces: run it with sudo").ConfigureAwait(false);
            return 1;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);
        try
        {
            DemoResult result = await RunAsync(duration, json ? Console.Error : Console.Out, hold, ended.Token).ConfigureAwait(false);
            if (json) await Console.Out.WriteLineAsync(result.ToJson()).ConfigureAwait(false);
            return result.Succeeded ? 0 : 1;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted; everything that was made is removed").ConfigureAwait(false);
            return 1;
        }
        catch (Exception e) when (e is InvalidOperationException or ProgramMissingException or IOException or HttpRequestException)
        {
            await Console.Error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ended.Cancel();
        }
    }

    private static async Task<DemoResult> RunAsync(TimeSpan duration, TextWriter output, bool hold, CancellationToken cancellation)
    {
        // Asked first, so that its absence is all there is to read.
        HostTool.Run("ip", "-Version");
        foreach (string left in Owned.RemoveLeftovers(Prefix))
            await output.WriteLineAsync($"removed what an earlier run left: {left}").ConfigureAwait(false);

        await output.WriteLineAsync("making a node with four pods and a sensor, each a network namespace").ConfigureAwait(false);
        DemoRun run = await DemoRun.StartAsync(Owned.Name(Prefix), cancellation).ConfigureAwait(false);
        DemoResult result;
        await using (run.ConfigureAwait(false))
        {
            await run.ReadyAsync(cancellation).ConfigureAwait(false);
            PortForward page = run.OpenPage();
            await using ConfiguredAsyncDisposable pageEnds = page.ConfigureAwait(false);
            await output.WriteLineAsync($"the agent's page, while this runs: http://{page.Address}/").ConfigureAwait(false);
            (AgentReading first, long framesBefore, _) = await run.StillAsync(cancellation).ConfigureAwait(false);
            await output.WriteLineAsync(
                $"the agent captures {first.Captured.Count()} pods; traffic for {duration.TotalSeconds:N0} s").ConfigureAwait(false);

            bool terminal = output == Console.Out && !Console.IsOutputRedirected;
            string carried = await run.TrafficAsync(duration, terminal ? null : output, cancellation).ConfigureAwait(false);
            await output.WriteLineAsync($"carried {carried}").ConfigureAwait(false);
            (AgentReading last, long frames, SensorReport sensor) = await run.StillAsync(cancellation).ConfigureAwait(false);

            TimeSpan more = TimeSpan.FromSeconds(Math.Max(1, duration.TotalSeconds / 4));
            await run.ChangePolicyAsync(DemoPolicy.Dialled, cancellation).ConfigureAwait(false);
            await output.WriteLineAsync(
                $"the policy now asks for less, slice: 64KiB of shop and sample: 1/4 of web; traffic for {more.TotalSeconds:N0} s")
                .ConfigureAwait(false);
            carried = await run.TrafficAsync(more, terminal ? null : output, cancellation).ConfigureAwait(false);
            await output.WriteLineAsync($"carried {carried}").ConfigureAwait(false);
            (AgentReading dialled, _, SensorReport still) = await run.StillAsync(cancellation).ConfigureAwait(false);

            ConnLog connections = await run.ConnLogAsync(cancellation).ConfigureAwait(false);
            foreach (string line in connections.Lines ?? []) await output.WriteLineAsync(line).ConfigureAwait(false);

            if (hold)
            {
                await output.WriteLineAsync($"traffic goes on, see http://{page.Address}/; Ctrl-C ends it").ConfigureAwait(false);
                await run.HoldAsync(cancellation).ConfigureAwait(false);
            }

            (int? exit, TimeSpan took) = await run.EndAgentAsync().ConfigureAwait(false);
            result = new DemoResult(last, sensor, frames - framesBefore, last.Ledger.Seen - first.Ledger.Seen,
                new DialResult(last, dialled, still), connections, exit, took);
        }

        foreach ((bool good, string words) in result.Findings())
            await output.WriteLineAsync($"{(good ? "  ok  " : "FAILED")}  {words}").ConfigureAwait(false);
        return result;
    }
}
