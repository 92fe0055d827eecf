using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace HostAgent.E2E.Acting;

/// <summary>
/// An authority that writes the two Secrets as cert-manager does for deploy/relay/certificates.yaml: a certificate that has the relay's
/// name among its alternative names only, keys in SEC 1, and the authority beside them.
/// </summary>
internal sealed class RelayAuthority
{
    /// <summary>The agent's subject.</summary>
    public const string Agent = "CN=host-agent";

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1", ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly string _certificate, _key;

    public RelayAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using X509Certificate2 own = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(2));
        (_certificate, _key) = (own.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Has the relay show a certificate of this authority, and believe it.</summary>
    public void WriteRelay() => Write(SuitePods.Sensors, "relay-tls", "", "relay.security.svc", ServerAuthentication, this);

    /// <summary>Has the agents show a certificate of this authority, and believe <paramref name="believed"/>.</summary>
    /// <returns>When the certificate ends, in seconds since 1970.</returns>
    public long WriteAgent(RelayAuthority believed) => Write(
        AgentDeployment.Namespace, "host-agent-tls", Agent, "host-agent.host-agent.svc", ClientAuthentication, believed);

    private long Write(string @namespace, string secret, string subject, string name, string usage, RelayAuthority believed)
    {
        using X509Certificate2 own = X509Certificate2.CreateFromPem(_certificate, _key);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(own, true, false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build(critical: subject.Length == 0));
        using X509Certificate2 issued = request.Create(
            own, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        Kubectl.Apply(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["type"] = "kubernetes.io/tls",
            ["metadata"] = new JsonObject { ["name"] = secret, ["namespace"] = @namespace },
            ["stringData"] = new JsonObject
            {
                ["ca.crt"] = believed._certificate,
                ["tls.crt"] = issued.ExportCertificatePem(),
                ["tls.key"] = key.ExportECPrivateKeyPem(),
            },
        }.ToJsonString());
        return new DateTimeOffset(issued.NotAfter).ToUnixTimeSeconds();
    }
}
