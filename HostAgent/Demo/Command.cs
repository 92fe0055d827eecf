using System.Diagnostics;

namespace HostAgent.Demo;

/// <summary>Runs a program to its end and gives what it printed.</summary>
internal static class Command
{
    /// <exception cref="InvalidOperationException">It ended with another code than 0; the message holds the command line and its stderr.</exception>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit {process.ExitCode}: {error.Result.Trim()}");
    }
}
