using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Cluster;

namespace HostAgent.Tunnel;

/// <summary>
/// An end's authorities, certificate and key, as their PEM files are now: they are read again for each connection, since certificates are
/// renewed while their program runs. Files that cannot be used leave in use what was before, with a warning. Any thread.
/// </summary>
/// <param name="authority">The path of the authorities' certificates.</param>
/// <param name="certificate">The path of the own certificate, followed by what is between it and its authority.</param>
/// <param name="key">The path of its private key.</param>
internal sealed class TlsFiles(string authority, string certificate, string key)
{
    private readonly Lock _gate = new();
    private (string Authority, string Certificate, string Key) _read;
    private TlsIdentity? _usable;
    private volatile string? _warning;

    public string Authority => authority;

    public string Certificate => certificate;

    /// <summary>Why the files as they are now are not in use; null while they are.</summary>
    public string? Warning => _warning;

    /// <exception cref="TlsException">They cannot be used, and never could.</exception>
    public TlsIdentity Read()
    {
        lock (_gate)
        {
            try
            {
                (string, string, string) now = (PemFiles.Text(authority), PemFiles.Text(certificate), PemFiles.Text(key));
                if (_usable is null || now != _read) _usable = Load(now.Item1, now.Item2, now.Item3);
                _read = now;
                _warning = null;
            }
            catch (ApiCredentialsException e) when (_usable is null)
            {
                throw new TlsException(e.Message, e);
            }
            catch (IOException e) when (_usable is not null && e is TlsException or ApiCredentialsException)
            {
                _warning = $"{e.Message}; the certificate, key and authority that were read before stay in use";
            }

            return _usable!;
        }
    }

    /// <summary>When the certificate ends that the next connection would show; null when there is none.</summary>
    public DateTimeOffset? Ends()
    {
        try
        {
            return Read().Shown.TargetCertificate.NotAfter;
        }
        catch (TlsException)
        {
            return null;
        }
    }

    private TlsIdentity Load(string authorities, string chain, string privateKey)
    {
        X509Certificate2Collection trusted = PemFiles.Authorities(authorities, authority);
        X509Certificate2Collection shown = PemFiles.Authorities(chain, certificate);
        try
        {
            using X509Certificate2 own = X509Certificate2.CreateFromPem(chain, privateKey);
            shown.RemoveAt(0);
            // What it is given keeps a handle of its own. Offline: no server is asked for what is missing.
            return new TlsIdentity(trusted, SslStreamCertificateContext.Create(new X509Certificate2(own), shown, offline: true));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new TlsException($"{certificate} and {key} are no certificate and its key: {e.Message}", e);
        }
    }
}
