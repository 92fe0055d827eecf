using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HostAgent.Policy;

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
    private const int LargestFile = 1 << 20;

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
                (string, string, string) now = (Text(authority), Text(certificate), Text(key));
                if (_usable is null || now != _read) _usable = Load(now.Item1, now.Item2, now.Item3);
                _read = now;
                _warning = null;
            }
            catch (TlsException e) when (_usable is not null)
            {
                _warning = $"{e.Message}; the certificate, key and authority that were read before stay in use";
            }

            return _usable!;
        }
    }

    private TlsIdentity Load(string authorities, string chain, string privateKey)
    {
        X509Certificate2Collection trusted = Certificates(authorities, authority), shown = Certificates(chain, certificate);
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

    private static X509Certificate2Collection Certificates(string pem, string path)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new TlsException($"{path} holds no valid certificate: {e.Message}", e);
        }

        return found.Count > 0 ? found : throw new TlsException($"{path} holds no certificate (-----BEGIN CERTIFICATE-----)");
    }

    private static string Text(string path)
    {
        try
        {
            return Encoding.UTF8.GetString(BoundedFile.Read(path, LargestFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new TlsException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
