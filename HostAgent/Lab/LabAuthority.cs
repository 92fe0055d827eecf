using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Lab;

/// <summary>A certificate authority, as a cluster has one of its own, for a day.</summary>
internal sealed class LabAuthority : IDisposable
{
    /// <param name="name">Its common name.</param>
    /// <param name="issuer">Another authority, which makes this one an intermediate; null for a root.</param>
    /// <param name="expired">True for an intermediate whose time is over.</param>
    public LabAuthority(string name = "test-ca", LabAuthority? issuer = null, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        Certificate = issuer is null
            ? request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1))
            : issuer.Sign(request, key, expired ? DateTimeOffset.UtcNow.AddHours(-1) : issuer.Certificate.NotAfter);
    }

    public X509Certificate2 Certificate { get; }

    public string Pem => Certificate.ExportCertificatePem();

    /// <summary>A certificate with its key, for a server of these names and addresses.</summary>
    public X509Certificate2 ForServer(params string[] names) =>
        Issue("1.3.6.1.5.5.7.3.1", "kube-apiserver", names, DateTimeOffset.UtcNow.AddHours(12));

    /// <summary>The same without a subject, as cert-manager issues it unless it is told a common name.</summary>
    public X509Certificate2 ForNamelessServer(params string[] names) =>
        Issue("1.3.6.1.5.5.7.3.1", null, names, DateTimeOffset.UtcNow.AddHours(12));

    public X509Certificate2 Expired(params string[] names) =>
        Issue("1.3.6.1.5.5.7.3.1", "kube-apiserver", names, DateTimeOffset.UtcNow.AddHours(-1));

    public X509Certificate2 ForClient(string name, params string[] names) =>
        Issue("1.3.6.1.5.5.7.3.2", name, names, DateTimeOffset.UtcNow.AddHours(12));

    public X509Certificate2 ExpiredClient(string name) =>
        Issue("1.3.6.1.5.5.7.3.2", name, [], DateTimeOffset.UtcNow.AddHours(-1));

    /// <summary>A certificate's private key, in PEM (PKCS #8).</summary>
    public static string KeyOf(X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    public void Dispose() => Certificate.Dispose();

    private X509Certificate2 Issue(string usage, string? subject, string[] names, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject is null ? "" : $"CN={subject}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address)) alternatives.AddIpAddress(address);
            else alternatives.AddDnsName(name);
        }

        if (names.Length > 0) request.CertificateExtensions.Add(alternatives.Build());
        return Sign(request, key, end);
    }

    private X509Certificate2 Sign(CertificateRequest request, ECDsa key, DateTimeOffset end)
    {
        using ECDsa own = Certificate.GetECDsaPrivateKey()!;
        // By its name and key, since .NET itself issues nothing that outlives its issuer.
        using X509Certificate2 issued = request.Create(
            Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(own), Certificate.NotBefore, end,
            RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
