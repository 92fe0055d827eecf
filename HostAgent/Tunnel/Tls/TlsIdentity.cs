using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Tunnel;

/// <summary>What an end of a stream between hosts shows, and whom it believes.</summary>
/// <param name="Authorities">Of which one must have issued the peer's certificate.</param>
/// <param name="Shown">The own certificate with its key, and what is between it and its authority.</param>
internal sealed record TlsIdentity(X509Certificate2Collection Authorities, SslStreamCertificateContext Shown);
