using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Observability;

/// <summary>The certificate with its key that the endpoint shows, ready for connections.</summary>
/// <param name="Options">TLS 1.2 and 1.3, with this certificate and those between it and its root.</param>
/// <param name="Ends">When it expires.</param>
internal sealed record ServerIdentity(SslServerAuthenticationOptions Options, DateTimeOffset Ends)
{
    /// <param name="certificate">With its private key.</param>
    /// <param name="chain">The certificates between it and its root; may be empty.</param>
    public static ServerIdentity Of(X509Certificate2 certificate, X509Certificate2Collection chain) => new(
        new SslServerAuthenticationOptions
        {
            // Offline: no certificate makes the agent fetch anything.
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        },
        certificate.NotAfter);
}
