using System.Runtime.InteropServices;

namespace HostAgent.E2E.Running;

/// <summary>Ctrl-C and SIGTERM: commands and pauses of tests end at once, so that what the suite made can be removed in order.</summary>
internal sealed class Interruption : IDisposable
{
    private static readonly CancellationTokenSource Source = new();
    private readonly PosixSignalRegistration[] _signals =
        [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(s => PosixSignalRegistration.Create(s, Heard))];

    /// <summary>Cancelled from the first signal on. Later ones change nothing: removing is under way.</summary>
    public static CancellationToken Token => Source.Token;

    public void Dispose() => Array.ForEach(_signals, s => s.Dispose());

    private static void Heard(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Source.Cancel();
    }
}
