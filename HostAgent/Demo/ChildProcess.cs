using System.Diagnostics;
using System.Threading.Channels;
using HostAgent.Interop;

namespace HostAgent.Demo;

/// <summary>A program that runs beside the demo inside a namespace; killed when disposed, should it still run.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptErrorLines = 20;

    private readonly Process process;
    private readonly Queue<string> errors = new();
    private readonly Channel<string> lines = Channel.CreateUnbounded<string>();

    private ChildProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Heard(line.Data, lines.Writer);
        process.ErrorDataReceived += (_, line) => Heard(line.Data, null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>The last lines of its stderr, for the message when it fails.</summary>
    public string Errors
    {
        get
        {
            lock (errors) return string.Join('\n', errors);
        }
    }

    /// <summary>The last lines of its stdout that nobody has read, for the message when it fails.</summary>
    public string Unread
    {
        get
        {
            var unread = new List<string>();
            while (lines.Reader.TryRead(out string? line)) unread.Add(line);
            return string.Join('\n', unread.TakeLast(KeptErrorLines));
        }
    }

    public static ChildProcess Start(NetworkNamespace where, params string[] command)
    {
        ProcessStartInfo start = where.StartInfo(command);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        return new ChildProcess(Command.Start(start));
    }

    /// <summary>The next line of its stdout.</summary>
    /// <exception cref="ChannelClosedException">It has ended.</exception>
    public ValueTask<string> ReadLineAsync(CancellationToken cancellation) => lines.Reader.ReadAsync(cancellation);

    public async Task WriteLineAsync(string line, CancellationToken cancellation)
    {
        await process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation).ConfigureAwait(false);
        await process.StandardInput.FlushAsync(cancellation).ConfigureAwait(false);
    }

    public void CloseInput() => process.StandardInput.Close();

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate()
    {
        if (!process.HasExited) _ = Signal.kill(process.Id, Signal.SIGTERM);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code; null when it still runs after <paramref name="patience"/>.</returns>
    public async Task<int?> WaitAsync(TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(timeout.Token).ConfigureAwait(false);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync().ConfigureAwait(false);
        process.Dispose();
    }

    private void Heard(string? line, ChannelWriter<string>? output)
    {
        if (line is null)
        {
            output?.TryComplete();
        }
        else if (output is not null)
        {
            output.TryWrite(line);
        }
        else
        {
            lock (errors)
            {
                errors.Enqueue(line);
                if (errors.Count > KeptErrorLines) errors.Dequeue();
            }
        }
    }
}
