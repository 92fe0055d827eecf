using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// Credentials of a plugin: run when they are first needed and not before, kept until they expire or the server refuses them. All who
/// ask meanwhile wait for the one run. What went wrong is not tried again at once, however often it is asked for.
/// </summary>
/// <param name="config">The program.</param>
/// <param name="timeouts">How long it may run, and how long to wait before it runs again.</param>
/// <param name="logger">For one line per run.</param>
internal sealed class ExecAuthenticator(ExecConfig config, ApiTimeouts timeouts, ILogger logger) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private Task<ExecCredential>? _run;
    private ExecCredential? _refused;
    private int _failures;
    private long _notBefore;

    /// <exception cref="ApiCredentialsException">The plugin gave none; the message says why.</exception>
    public Task<ExecCredential> GetAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_run is null || IsDue(_run)) _run = Task.Run(RunAsync, CancellationToken.None);
            return _run.WaitAsync(cancellation);
        }
    }

    /// <summary>The server does not accept it (401).</summary>
    public void Refuse(ExecCredential credential)
    {
        lock (_gate) _refused = credential;
    }

    /// <summary>Kills the plugin, should it run.</summary>
    public void Dispose() => _stop.Cancel();

    private bool IsDue(Task<ExecCredential> last)
    {
        if (!last.IsCompleted || Environment.TickCount64 < _notBefore) return false;
        bool failed = !last.IsCompletedSuccessfully || last.Result == _refused;
        if (!failed && !(last.Result.Expires <= DateTimeOffset.UtcNow)) return false;
        _failures = failed ? _failures + 1 : 0;
        return true;
    }

    private async Task<ExecCredential> RunAsync()
    {
        try
        {
            ExecCredential given = await ExecPlugin.RunAsync(config, timeouts.Plugin, _stop.Token);
            logger.LogInformation("Credential plugin {Command} of {Kubeconfig} was run and gave {What}, valid {Until}",
                config.Command, config.Place,
                given.Certificate is null ? "a token" : given.Token is null ? "a certificate" : "a token and a certificate",
                given.Expires is { } expires ? $"until {expires.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}" : "until the API server refuses it");
            return given;
        }
        catch (InvalidDataException e)
        {
            logger.LogWarning("Credential plugin {Command} of {Kubeconfig} {Problem}", config.Command, config.Place, e.Message);
            throw new ApiCredentialsException($"{config.Place}: credential plugin {config.Command} {e.Message}", e);
        }
        finally
        {
            _notBefore = Environment.TickCount64 + (long)timeouts.PluginPause.Delay(Math.Max(1, _failures), null).TotalMilliseconds;
        }
    }
}
