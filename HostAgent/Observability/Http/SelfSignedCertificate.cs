using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Observability;

/// <summary>
/// A certificate of the agent's own making, for clusters where nobody issues one. It keeps listeners out and proves nothing about who the
/// agent is, so a scraper has to be told to trust it unseen. Its key is in memory only. A new one is made in time.
/// </summary>
/// <param name="name">The node's name, beside the addresses.</param>
/// <param name="addresses">Where the agent listens.</param>
/// <param name="clock">For its time.</param>
internal sealed class SelfSignedCertificate(string name, ImmutableArray<IPAddress> addresses, TimeProvider? clock = null)
    : IServingCertificate
{
    internal static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);

    // Long before the alert of a certificate near its end.
    private static readonly TimeSpan RenewedBefore = TimeSpan.FromDays(30);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private ServerIdentity? _current;

    public ServerIdentity Current
    {
        get
        {
            lock (_gate)
            {
                if (_current is null || _current.Ends - _clock.GetUtcNow() < RenewedBefore) _current = Make();
                return _current;
            }
        }
    }

    public string? Problem => null;

    public void Dispose()
    {
    }

    private ServerIdentity Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=host-agent", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1", "serverAuth")], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        foreach (IPAddress address in addresses) names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = _clock.GetUtcNow();
        // An hour for clocks that are behind.
        return ServerIdentity.Of(request.CreateSelfSigned(now.AddHours(-1), now + Lifetime), []);
    }
}
