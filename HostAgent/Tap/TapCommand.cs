using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using HostAgent.Commands;
using HostAgent.Observability;

namespace HostAgent.Tap;

/// <summary>
/// <c>host-agent tap</c>: one pod's frames, live, with the leave of the agent that runs on this node. It ends when it is told to, when
/// there is enough, when nobody reads, or when the agent takes its leave back; in any case with a whole file.
/// </summary>
internal static class TapCommand
{
    // A reader that takes nothing for so long has been forgotten, as by a kubectl exec whose client is gone.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // When all is over and the reader takes nothing of the rest.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <param name="address">Where the agent listens, on loopback.</param>
    /// <param name="options">What is wanted.</param>
    /// <param name="said">For all that is no capture.</param>
    /// <param name="cancellation">Ends it in good order.</param>
    /// <returns>0: it came to an end that was wanted; 1: the agent or the reader failed; 3: the agent refuses.</returns>
    /// <exception cref="IOException">No agent answers, or there is no ring, or the capture cannot be written; the message says
    /// which.</exception>
    public static async Task<int> RunAsync(IPEndPoint address, TapOptions options, TextWriter said, CancellationToken cancellation)
    {
        if (options.Filter?.Expression.Length > TapDocument.LongestFilter)
            throw new IOException($"the filter is longer than the {TapDocument.LongestFilter} characters that the agent takes on record");
        if (options.Write == TapOptions.Stdout && !Console.IsOutputRedirected)
        {
            throw new IOException(
                "a capture is nothing for a terminal: say --print, or --write FILE, or put '| wireshark -k -i -' behind it");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using PosixSignalRegistration hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        using var agent = new AgentClient(address);
        try
        {
            using TapLease lease = await TapLease.AskAsync(agent, options, stop.Token).ConfigureAwait(false);
            if (await lease.NextAsync(stop.Token).ConfigureAwait(false) is not { } granted)
                throw new IOException($"the agent at {address} has ended before it answered");
            if (granted.Allowed) return await TapAsync(lease, granted, options, said, stop).ConfigureAwait(false);
            await said.WriteLineAsync($"{options.Pod} is not tapped: {granted.Reason}").ConfigureAwait(false);
            return AgentCommandLine.RefusedByAgent;
        }
        catch (Exception e) when (AgentClient.Explain(e, address, stop.Token) is { } explained)
        {
            throw explained;
        }
    }

    private static async Task<int> TapAsync(
        TapLease lease, TapDocument granted, TapOptions options, TextWriter said, CancellationTokenSource stop)
    {
        using var outputs = new TapOutputs(options);
        var capture = new TapCapture(outputs.Sinks, options.Filter, options.Count ?? long.MaxValue, outputs.AreAbandoned);
        try
        {
            long start = Stopwatch.GetTimestamp();
            capture.Start();
            await FollowAsync(capture, granted, said).ConfigureAwait(false);
            if (options.Duration is { } duration) stop.CancelAfter(duration);

            Task<(int Code, string Why)> leave = KeepAsync(lease, capture, options.Pod, said, stop.Token);
            while (!capture.Ended.IsCompleted && !leave.IsCompleted && outputs.Stalled < Patience)
                await Task.WhenAny(capture.Ended, leave, Task.Delay(Look, CancellationToken.None)).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);
            capture.Stop();
            while (!capture.Ended.IsCompleted && outputs.Stalled < LastWords)
                await Task.WhenAny(capture.Ended, Task.Delay(Look, CancellationToken.None)).ConfigureAwait(false);
            if (!capture.Ended.IsCompleted)
                throw new IOException($"{options.Pod}: whoever reads the capture takes nothing more, so it has no end");
            (int code, string why) = await capture.Ended.ConfigureAwait(false) switch
            {
                TapEnd.Enough => (0, "as many as asked for"),
                TapEnd.Abandoned => (0, "the reader has gone"),
                _ => await leave.ConfigureAwait(false),
            };
            await said.WriteLineAsync($"{options.Pod}: {Sum(capture, Stopwatch.GetElapsedTime(start))}: {why}").ConfigureAwait(false);
            return code;
        }
        finally
        {
            // A thread that still waits for the reader has its memory until the process ends.
            if (capture.Ended.IsCompleted) capture.Dispose();
        }
    }

    private static string Sum(TapCapture capture, TimeSpan took)
    {
        long uncut = capture.Links.Sum(link => link.Uncut);
        return string.Create(CultureInfo.InvariantCulture,
            $"{capture.Links.Sum(link => link.Taken)} frames in {took.TotalSeconds:F1} s, "
            + $"{capture.Links.Sum(link => link.Dropped)} dropped by the kernel{(uncut > 0 ? $", {uncut} that could not be cut" : "")}");
    }

    /// <summary>Does as the agent says, until it takes its leave back or the tap is stopped.</summary>
    /// <returns>How the tap ends then.</returns>
    private static async Task<(int Code, string Why)> KeepAsync(
        TapLease lease, TapCapture capture, string pod, TextWriter said, CancellationToken stop)
    {
        try
        {
            while (await lease.NextAsync(stop).ConfigureAwait(false) is { } now)
            {
                if (now.Finished) return (0, now.Reason!);
                if (!now.Allowed) return (AgentCommandLine.RefusedByAgent, $"the agent takes its leave back: {now.Reason}");
                await FollowAsync(capture, now, said).ConfigureAwait(false);
            }

            return (1, $"the agent has gone, and with it its leave to tap {pod}");
        }
        catch (OperationCanceledException)
        {
            return (0, "stopped");
        }
    }

    private static async Task FollowAsync(TapCapture capture, TapDocument now, TextWriter said)
    {
        await capture.FollowAsync([.. TapLink.Of(now)]).ConfigureAwait(false);
        await said.WriteLineAsync(now.Reason is { } reason
            ? $"{now.Pod}: {reason}"
            : $"{now.Pod}: tapping {string.Join(", ", now.Links.Select(link => link.Name))} (uid {now.Uid}, rule {now.Rule ?? "none"})")
            .ConfigureAwait(false);
    }
}
