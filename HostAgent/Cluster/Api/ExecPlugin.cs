using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>Runs a credential plugin to its end, once per call.</summary>
internal static class ExecPlugin
{
    private const int LargestOutput = 1 << 20;
    private const int QuotedErrors = 300;

    /// <summary>For pipes to close after the program was killed.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <param name="config">The program.</param>
    /// <param name="limit">After which it is killed, with all that it started.</param>
    /// <param name="cancellation">Kills it, too.</param>
    /// <returns>What it gave.</returns>
    /// <exception cref="InvalidDataException">It gave nothing of use; the message says why and can stand after the program's
    /// name.</exception>
    public static async Task<ExecCredential> RunAsync(ExecConfig config, TimeSpan limit, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using Process process = Start(config);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using CancellationTokenRegistration kill = end.Token.Register(() => Kill(process));
        end.CancelAfter(limit);
        // The process does not close pipes that somebody has asked it for.
        using StreamReader outputPipe = process.StandardOutput, errorPipe = process.StandardError;
        Task<(byte[] Text, bool Whole)> output = ReadAsync(outputPipe.BaseStream), errors = ReadAsync(errorPipe.BaseStream);
        try
        {
            process.StandardInput.Close();
            await Task.WhenAll(process.WaitForExitAsync(CancellationToken.None), output, errors)
                .WaitAsync(limit + Grace, CancellationToken.None);
        }
        catch (TimeoutException)
        {
            // Something that it started, and that is no child of its any more, holds its output open.
        }

        cancellation.ThrowIfCancellationRequested();
        string said = errors.IsCompletedSuccessfully ? Quoted(errors.Result.Text) : "";
        if (end.IsCancellationRequested) throw new InvalidDataException($"was not done within {limit.TotalSeconds} s and was killed{said}");
        if (process.ExitCode != 0) throw new InvalidDataException($"ended with code {process.ExitCode}{said}");
        if (!output.Result.Whole) throw new InvalidDataException($"prints more than {LargestOutput} bytes");
        return ExecCredential.Read(output.Result.Text, config.ApiVersion);
    }

    private static Process Start(ExecConfig config)
    {
        var start = new ProcessStartInfo(config.Command, config.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in config.Environment) start.Environment[name] = value;
        start.Environment["KUBERNETES_EXEC_INFO"] = config.Info;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidDataException($"cannot be run: {new Win32Exception(e.NativeErrorCode).Message}", e);
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended.
        }
    }

    /// <summary>To the end, so that the program is never held up; of what is too much only the beginning is kept.</summary>
    private static async Task<(byte[] Text, bool Whole)> ReadAsync(Stream pipe)
    {
        var kept = new MemoryStream();
        var buffer = new byte[4096];
        bool whole = true;
        while (await pipe.ReadAsync(buffer, CancellationToken.None) is var count and > 0)
        {
            int fits = (int)Math.Min(count, LargestOutput - kept.Length);
            whole &= fits == count;
            kept.Write(buffer, 0, fits);
        }

        return (kept.ToArray(), whole);
    }

    /// <summary>The end of what it said, since that is where the reason stands.</summary>
    private static string Quoted(byte[] errors)
    {
        string text = Encoding.UTF8.GetString(errors).Trim();
        if (text.Length == 0) return "";
        string cut = text.Length > QuotedErrors ? "…" : "";
        return $": {cut}{YamlPath.Quote(text[^Math.Min(text.Length, QuotedErrors)..], QuotedErrors)}";
    }
}
