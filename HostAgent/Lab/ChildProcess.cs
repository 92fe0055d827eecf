using System.Diagnostics;
using System.Threading.Channels;
using HostAgent.Interop;

namespace HostAgent.Lab;

/// <summary>A program that runs beside this one; killed when disposed, should it still run.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptErrorLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Heard(line.Data, _lines.Writer);
        process.ErrorDataReceived += (_, line) => Heard(line.Data, null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The last lines of its stderr, for the message when it fails.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return string.Join('\n', _errors);
        }
    }

    /// <summary>The last lines of its stdout that nobody has read, for the message when it fails.</summary>
    public string Unread => string.Join('\n', ReadRest().TakeLast(KeptErrorLines));

    /// <summary>Starts a program inside a namespace.</summary>
    /// <exception cref="ProgramMissingException">ip is not installed.</exception>
    public static ChildProcess Start(NetworkNamespace where, params string[] command) => Start(where.StartInfo(command));

    /// <exception cref="ProgramMissingException">It is not installed.</exception>
    public static ChildProcess Start(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        return new ChildProcess(HostTool.Start(start));
    }

    /// <summary>The next line of its stdout.</summary>
    /// <exception cref="ChannelClosedException">It has ended.</exception>
    public ValueTask<string> ReadLineAsync(CancellationToken cancellation) => _lines.Reader.ReadAsync(cancellation);

    /// <summary>The lines of its stdout that are there and that nobody has read.</summary>
    public IReadOnlyList<string> ReadRest()
    {
        var unread = new List<string>();
        while (_lines.Reader.TryRead(out string? line)) unread.Add(line);
        return unread;
    }

    /// <summary>Writes a line to its stdin, and reads the line with which it answers.</summary>
    /// <param name="who">What it is, for the message when it fails.</param>
    /// <param name="line">What it is asked.</param>
    /// <param name="patience">How long it may take to answer.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">It has ended, or does not answer; the message holds its stderr.</exception>
    public async Task<string> AskAsync(string who, string line, TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation).ConfigureAwait(false);
            await _process.StandardInput.FlushAsync(cancellation).ConfigureAwait(false);
            return await ReadLineAsync(cancellation).AsTask().WaitAsync(patience, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ChannelClosedException or IOException or TimeoutException)
        {
            throw new InvalidOperationException($"{who} does not answer: {e.Message}\n{Errors}", e);
        }
    }

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate()
    {
        if (!_process.HasExited) _ = Signal.kill(_process.Id, Signal.SIGTERM);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code; null when it still runs after <paramref name="patience"/>.</returns>
    public async Task<int?> WaitAsync(TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(timeout.Token).ConfigureAwait(false);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // The process does not close a pipe that somebody has asked it for.
        await _process.StandardInput.DisposeAsync().ConfigureAwait(false);
        _process.Dispose();
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
            lock (_errors)
            {
                _errors.Enqueue(line);
                if (_errors.Count > KeptErrorLines) _errors.Dequeue();
            }
        }
    }
}
