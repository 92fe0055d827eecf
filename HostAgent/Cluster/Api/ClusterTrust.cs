using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Cluster;

/// <summary>
/// Whether a cluster's authorities vouch for a server's certificate. As for Go, and so for kubectl, each certificate of the CA file is an
/// anchor, an intermediate as well as a root; .NET alone would want the root.
/// </summary>
internal static class ClusterTrust
{
    public static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1"), ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <param name="server">The server's certificate.</param>
    /// <param name="received">What came along with it.</param>
    /// <param name="authorities">The cluster's own; no other counts.</param>
    /// <param name="usage">What the certificate has to be for; null for a server.</param>
    /// <returns>What is wrong with it, in the words of <see cref="X509ChainStatusFlags"/>; null when nothing is.</returns>
    public static string? Doubt(X509Certificate2 server, X509Chain? received, X509Certificate2Collection authorities, Oid? usage = null)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(usage ?? ServerAuthentication);
        if (received is not null)
        {
            foreach (X509ChainElement element in received.ChainElements.Skip(1)) chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        if (chain.Build(server)) return null;
        // Where the only flaw is how it ends, signatures and usages are right, and it may end at any anchor.
        bool endsWrongOnly = chain.ChainStatus.All(
            s => s.Status is X509ChainStatusFlags.PartialChain or X509ChainStatusFlags.UntrustedRoot);
        if (endsWrongOnly && chain.ChainElements.Any(element => IsAnchor(element.Certificate, authorities))) return null;
        return string.Join(", ", chain.ChainStatus.Select(s => s.Status).Distinct());
    }

    // The end of a partial chain is not checked for its time.
    private static bool IsAnchor(X509Certificate2 certificate, X509Certificate2Collection authorities) =>
        certificate.NotBefore <= DateTime.Now && DateTime.Now <= certificate.NotAfter
        && certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority)
        && authorities.Any(authority => authority.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span));
}
