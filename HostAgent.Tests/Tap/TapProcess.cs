using System.Diagnostics;
using System.IO.Pipes;
using HostAgent.Interop;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tap;

/// <summary>
/// <c>host-agent tap</c> as a program beside an agent; killed when disposed, should it still run. Not a <see cref="ChildProcess"/>: what it
/// writes is no text, and its reader may stop or go.
/// </summary>
internal sealed class TapProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly TemporaryDirectory _folder = new();
    private readonly ManualResetEventSlim _reads = new(true);
    private readonly List<string> _said = [];
    private readonly Task _copied;
    private volatile bool _abandoned;

    /// <param name="node">Where it runs.</param>
    /// <param name="arguments">The pod and options.</param>
    public TapProcess(NodeNetwork node, params string[] arguments)
    {
        ProcessStartInfo start = node.Namespace.StartInfo([.. AgentProgram.Command, "tap", .. arguments]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = HostTool.Start(start);
        _process.ErrorDataReceived += (_, line) => Hear(line.Data);
        _process.BeginErrorReadLine();
        _copied = Task.Factory.StartNew(Copy, TaskCreationOptions.LongRunning);
    }

    /// <summary>What it has written to stdout.</summary>
    public string File => _folder.File("tap.pcapng");

    /// <summary>What it has said on stderr.</summary>
    public string Said
    {
        get
        {
            lock (_said) return string.Join('\n', _said);
        }
    }

    /// <summary>Waits until it captures.</summary>
    /// <param name="link">On which link.</param>
    public Task BegunAsync(string link) => Eventually.ThatAsync(
        () => Said.Contains($"tapping {link} ", StringComparison.Ordinal), $"{link} is tapped; it said: {Said}");

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Assert.That(Signal.kill(_process.Id, Signal.SIGTERM), Is.Zero);

    /// <summary>From now on nothing of its stdout is read, until <see cref="Resume"/>.</summary>
    public void Pause() => _reads.Reset();

    public void Resume() => _reads.Set();

    /// <summary>Its stdout has no reader any more.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _reads.Set();
        _copied.Wait();
    }

    /// <summary>The exit code, once it has ended and all that it wrote is in <see cref="File"/>.</summary>
    public async Task<int> EndedAsync()
    {
        await Eventually.ThatAsync(() => _process.HasExited, $"it ends; it said: {Said}");
        _reads.Set();
        await _copied;
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        _reads.Set();
        await _copied;
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Dispose();
        _reads.Dispose();
    }

    private void Copy()
    {
        byte[] buffer = new byte[1 << 16];
        using FileStream file = System.IO.File.Create(File);
        using var output = (PipeStream)_process.StandardOutput.BaseStream;
        while (!_abandoned)
        {
            _reads.Wait();
            // Who waits in a read keeps the pipe open.
            if (!HasSome(output)) continue;
            int taken = output.Read(buffer);
            if (taken == 0) return;
            file.Write(buffer, 0, taken);
            file.Flush();
        }
    }

    private static unsafe bool HasSome(PipeStream pipe)
    {
        var end = new SysPoll.pollfd { fd = (int)pipe.SafePipeHandle.DangerousGetHandle(), events = SysPoll.POLLIN };
        return SysPoll.poll(&end, 1, 20) > 0;
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        lock (_said) _said.Add(line);
    }
}
