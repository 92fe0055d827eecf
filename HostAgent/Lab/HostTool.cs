using System.ComponentModel;
using System.Diagnostics;

namespace HostAgent.Lab;

/// <summary>Runs a program to its end and gives what it printed.</summary>
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
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Start(start);
        // The process does not close pipes that somebody has asked it for.
        using StreamReader outputPipe = process.StandardOutput, errorPipe = process.StandardError;
        Task<string> output = outputPipe.ReadToEndAsync(), error = errorPipe.ReadToEndAsync();
        try
        {
            using StreamWriter inputPipe = process.StandardInput;
            inputPipe.Write(input);
        }
        catch (IOException)
        {
            // It ended without reading its input: its exit code and stderr tell why.
        }

        process.WaitForExit();
        return process.ExitCode == 0
            ? output.Result
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)}: exit {process.ExitCode}: {error.Result.Trim()}");
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
