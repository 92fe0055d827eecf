using System.Diagnostics;
using HostAgent.Lab;

namespace HostAgent.E2E.Running;

/// <summary>A program that this suite started. It is killed when it is disposed of, should it still run.</summary>
internal sealed class Command : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private Command(string input, string program, string[] arguments)
    {
        _process = HostTool.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
        try
        {
            _process.StandardInput.Write(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading its input: its exit code and stderr tell why.
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a program that runs beside what follows.</summary>
    /// <exception cref="ProgramMissingException">It is not installed.</exception>
    public static Command Start(string program, params string[] arguments) => new("", program, arguments);

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="OperationCanceledException">The suite was interrupted.</exception>
    public static CommandResult Try(string program, params string[] arguments) => TryWithInput("", program, arguments);

    /// <summary>As <see cref="Try"/>, with <paramref name="input"/> on its stdin.</summary>
    public static CommandResult TryWithInput(string input, string program, params string[] arguments)
    {
        using var command = new Command(input, program, arguments);
        return command.Wait(Interruption.Token);
    }

    /// <summary>Runs a program to its end, and gives what it wrote to stdout.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its last words.</exception>
    /// <exception cref="OperationCanceledException">The suite was interrupted.</exception>
    public static string Run(string program, params string[] arguments) => RunWithInput("", program, arguments);

    /// <summary>As <see cref="Run"/>, with <paramref name="input"/> on its stdin.</summary>
    public static string RunWithInput(string input, string program, params string[] arguments)
    {
        CommandResult result = TryWithInput(input, program, arguments);
        return result.Succeeded
            ? result.Output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit {result.Code}: {result.LastWords}");
    }

    /// <summary>As <see cref="Try"/>, for what has to be put back: an interruption does not keep it from its end.</summary>
    public static CommandResult PutBack(string program, params string[] arguments)
    {
        using var command = new Command("", program, arguments);
        return command.Wait(CancellationToken.None);
    }

    /// <summary>Waits for its end.</summary>
    public CommandResult Wait(CancellationToken cancellation)
    {
        _process.WaitForExitAsync(cancellation).GetAwaiter().GetResult();
        return new CommandResult(_process.ExitCode, _output.Result, _error.Result);
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        // The process does not close pipes that somebody has asked it for.
        _process.StandardOutput.Dispose();
        _process.StandardError.Dispose();
        _process.Dispose();
    }
}
