using HostAgent.Commands;
using HostAgent.Interop;
using HostAgent.Observability;
using HostAgent.Sensors;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging;

namespace HostAgent.Relay;

/// <summary>
/// <c>host-agent receive</c>: the other end of the streams that agents send to another host. It writes what they captured onto a link or
/// into a file, and accounts for what they have written: each record is received or missing.
/// </summary>
internal static class ReceiveCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Receives until cancelled, and prints the sum: to stdout, or to stderr where that is the frames'.</summary>
    /// <returns>0.</returns>
    /// <exception cref="IOException">It cannot listen or write, or its certificate cannot be used; the message says why.</exception>
    /// <exception cref="ErrnoException">It must not write onto the link.</exception>
    public static async Task<int> RunAsync(ReceiveOptions options, CancellationToken cancellation)
    {
        using ILoggerFactory logs = AgentLog.Create(Environment.GetEnvironmentVariable(AgentLog.FormatVariable));
        ILogger logger = logs.CreateLogger("HostAgent.Receive");
        var files = new TlsFiles(options.Authority, options.Certificate, options.Key);
        files.Read();

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CaptureWriter? file = options.ToFile is { } path ? await OpenAsync(path, stop).ConfigureAwait(false) : null;
        SensorEndpoint? sensor = options.ToLink is null ? null : LinkOutput.Find(options);
        // What is not allowed is said now, not when the first agent comes.
        if (sensor is not null) new LinkOutput(sensor, new Accounts.ShardLedger()).Dispose();

        var book = new AccountBook();
        var listener = new AgentListener(
            files, book,
            account => file is not null ? new FileOutput(file, account.Node) : new LinkOutput(sensor!, account.Output), logger);
        Task reporting = ReportAsync(book, files, sensor is not null, logger, stop.Token);
        try
        {
            await listener.RunAsync(options.Listen, stop.Token).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await reporting.ConfigureAwait(false);
        }

        TextWriter output = options.ToFile == "-" ? Console.Error : Console.Out;
        await output.WriteLineAsync(ReceiveReport.Of(book.Read(), sensor is not null, options.Json)).ConfigureAwait(false);
        return file?.Failure is { } failure ? throw failure : 0;
    }

    /// <summary>A pipe is opened when its reader has come, which may take long.</summary>
    private static async Task<CaptureWriter> OpenAsync(string path, CancellationTokenSource stop)
    {
        Stream file = path == "-"
            ? Console.OpenStandardOutput()
            : await Task.Run(() => new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
                .WaitAsync(stop.Token).ConfigureAwait(false);
        return new CaptureWriter(file, path == "-" ? "stdout" : path, stop.Cancel);
    }

    private static async Task ReportAsync(AccountBook book, TlsFiles files, bool toLink, ILogger logger, CancellationToken cancellation)
    {
        HashSet<AgentSum> said = [];
        string? warned = null;
        using var timer = new PeriodicTimer(Interval);
        while (await WaitAsync(timer, cancellation).ConfigureAwait(false))
        {
            if (files.Warning is { } warning && warning != warned) logger.LogWarning("{Warning}", warning);
            warned = files.Warning;
            IReadOnlyList<AgentSum> agents = book.Read();
            foreach (AgentSum sum in agents.Where(sum => !said.Contains(sum)))
                logger.LogInformation("{Agent}: {Sum}", sum.Name, sum.InWords(toLink));
            said = [.. agents];
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken cancellation)
    {
        try
        {
            return await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
