using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Cluster;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.Observability;

/// <summary>
/// A certificate and its key from PEM files, read again when they change. Files that cannot be used change nothing: the certificate before
/// stays in use.
/// </summary>
internal sealed class CertificateFiles : IServingCertificate
{
    private readonly string _certificate;
    private readonly string _key;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly FileWatch[] _watches;
    private (string Certificate, string Key) _text;
    private volatile ServerIdentity _current;
    private volatile string? _problem;

    /// <param name="certificate">The file with the certificate, and after it those between it and its root.</param>
    /// <param name="key">The file with its private key, not encrypted.</param>
    /// <param name="logger">For changes.</param>
    /// <param name="clock">For its end.</param>
    /// <param name="poll">How often the files are looked at where nothing tells of a change; null for the usual.</param>
    /// <exception cref="IOException">They cannot be used; the message names the file.</exception>
    public CertificateFiles(string certificate, string key, ILogger logger, TimeProvider? clock = null, TimeSpan? poll = null)
    {
        (_certificate, _key, _logger, _clock) = (certificate, key, logger, clock ?? TimeProvider.System);
        _text = (PemFiles.Text(certificate), PemFiles.Text(key));
        _current = Read(_text.Certificate, _text.Key);
        _watches = [new FileWatch(certificate, Reload, logger, poll), new FileWatch(key, Reload, logger, poll)];
    }

    public ServerIdentity Current => _current;

    public string? Problem => _problem ?? (_current.Ends > _clock.GetUtcNow()
        ? null
        : $"the certificate in {_certificate} ended at {_current.Ends.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}: "
            + "renew it, or who checks it is not served");

    public void Dispose()
    {
        foreach (FileWatch watch in _watches) watch.Dispose();
    }

    private void Reload()
    {
        lock (_gate)
        {
            try
            {
                (string Certificate, string Key) text = (PemFiles.Text(_certificate), PemFiles.Text(_key));
                if (text == _text && _problem is null) return;
                _current = Read(text.Certificate, text.Key);
                (_text, _problem) = (text, null);
                _logger.LogInformation("The certificate in {File} is in use, until {End:u}", _certificate, _current.Ends.UtcDateTime);
            }
            catch (ApiCredentialsException e)
            {
                string problem = $"{e.Message}; the certificate before stays in use: mend the files";
                if (problem != _problem) _logger.LogWarning("{Problem}", problem);
                _problem = problem;
            }
        }
    }

    /// <exception cref="ApiCredentialsException">They are no certificate and its key.</exception>
    private ServerIdentity Read(string certificate, string key)
    {
        X509Certificate2Collection all = PemFiles.Authorities(certificate, _certificate);
        try
        {
            X509Certificate2 own = X509Certificate2.CreateFromPem(certificate, key);
            return ServerIdentity.Of(own, [.. all.Skip(1)]);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ApiCredentialsException($"{_key} is not the private key of {_certificate}, or encrypted: {e.Message}", e);
        }
    }
}
