using System.ComponentModel;
using System.Diagnostics;

namespace HostAgent.Lab;

/// <summary>Runs a program to its end and gives what it printed; <see cref="ChildProcess"/> is one that runs beside.</summary>
internal static class HostTool
{
    private const int ENOENT = 2;

    /// <exception cref="InvalidOperationException">It ended with another code than 0; the message holds the command line and its
    /// stderr.</exception>
    /// <exception cref="ProgramMissingException">It is not installed.</exception>
    public static string Run(string program, params string[] arguments) => RunWithInput("", program, arguments);

    /// <summary>As <see cref="Run"/>, with <paramref name="input"/> on its stdin.</summary>
    public static string RunWithInput(string input, string program, params string[] arguments)
    {
        ProgramRun run = RunToEnd(new ProcessStartInfo(program, arguments), input);
        return run.Code == 0
            ? run.Output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit {run.Code}: {run.Errors.Trim()}");
    }

    /// <summary>Runs a program that may end with any code.</summary>
    /// <param name="start">How to start it.</param>
    /// <param name="input">What it finds on its stdin.</param>
    /// <param name="patience">After which it is killed; null for never.</param>
    /// <exception cref="ProgramMissingException">It is not installed.</exception>
    public static ProgramRun RunToEnd(ProcessStartInfo start, string input = "", TimeSpan? patience = null)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Start(start);
        // The process does not close pipes that somebody has asked it for.
        using StreamReader outputPipe = process.StandardOutput, errorPipe = process.StandardError;
        Task<string> output = outputPipe.ReadToEndAsync(), errors = errorPipe.ReadToEndAsync();
        try
        {
            using StreamWriter inputPipe = process.StandardInput;
            inputPipe.Write(input);
        }
        catch (IOException)
        {
            // It ended without reading its input: its exit code and stderr tell why.
        }

        bool ended = process.WaitForExit(patience ?? Timeout.InfiniteTimeSpan);
        if (!ended) process.Kill(entireProcessTree: true);
        return new ProgramRun(ended ? process.ExitCode : null, output.Result, errors.Result);
    }

    /// <summary>Starts a program that goes on running.</summary>
    /// <exception cref="ProgramMissingException">It is not installed.</exception>
    public static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e) when (e.NativeErrorCode == ENOENT)
        {
            throw new ProgramMissingException(start.FileName, e);
        }
    }
}
