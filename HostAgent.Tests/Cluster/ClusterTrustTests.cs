using System.Security.Cryptography.X509Certificates;
using HostAgent.Cluster;
using HostAgent.Lab;

namespace HostAgent.Tests.Cluster;

/// <summary>A CA file that holds an intermediate and not its root, which kubectl and client-go take.</summary>
internal sealed class ClusterTrustTests
{
    private readonly LabAuthority _root = new("root");
    private LabAuthority _issuing = null!;
    private LabAuthority _issuingToo = null!;

    [OneTimeSetUp]
    public void MakeIntermediates() =>
        (_issuing, _issuingToo) = (new LabAuthority("issuing", _root), new LabAuthority("issuing-too", _root));

    [OneTimeTearDown]
    public void Dispose()
    {
        _root.Dispose();
        _issuing.Dispose();
        _issuingToo.Dispose();
    }

    [Test]
    public async Task A_server_of_an_intermediate_is_believed_by_the_intermediate_alone()
    {
        await using ApiServer server = await ApiServer.StartAsync(authority: new LabAuthority("of-this-server", _root));
        await using var watches = new RunningWatches(server.Credentials);
        Eventually.That(() => watches.Synced, "the lists");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_server_of_another_intermediate_of_the_same_root_is_not(bool sameName)
    {
        await using ApiServer server = await ApiServer.StartAsync(authority: new LabAuthority(sameName ? "issuing" : "other", _root));
        await using var watches = new RunningWatches(ApiServer.For(server.Url, _issuing.Pem));
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.PodLoop.Problem, Does.Contain("not one of the cluster's authority"));
            Assert.That(server.Requests, Is.Empty);
        }
    }

    [Test]
    public void What_came_along_from_above_the_intermediate_does_not_matter()
    {
        using var lower = new LabAuthority("lower", _issuing);
        using X509Certificate2 server = lower.ForServer("api");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Doubt(server, [], lower), Is.Null);
            Assert.That(Doubt(server, [lower], _issuing), Is.Null);
            Assert.That(Doubt(server, [lower, _issuing], lower), Is.Null, "an intermediate");
            Assert.That(Doubt(server, [lower, _issuing, _root], lower), Is.Null, "the root");
            Assert.That(Doubt(server, [lower, _issuing, _root], _root), Is.Null, "as ever");
            Assert.That(Doubt(server, [lower, _issuing, _root], _issuingToo), Is.EqualTo("UntrustedRoot"));
            Assert.That(Doubt(server, [lower, _issuing], _issuingToo), Is.EqualTo("PartialChain"));
        }
    }

    [Test]
    public void A_certificate_that_is_no_authority_is_no_anchor()
    {
        using X509Certificate2 server = _issuing.ForServer("api");
        Assert.That(ClusterTrust.Doubt(server, null, [server]), Is.EqualTo("PartialChain"));
    }

    [Test]
    public void An_intermediate_vouches_for_servers_only()
    {
        using X509Certificate2 client = _issuing.ForClient("somebody", "api");
        Assert.That(Doubt(client, [], _issuing), Does.Contain("NotValidForUsage"));
    }

    [Test]
    public void A_signature_by_another_key_is_seen_though_the_names_fit()
    {
        using var forged = new LabAuthority("issuing");
        using X509Certificate2 server = forged.ForServer("api");
        Assert.That(Doubt(server, [], _issuing), Does.Contain("NotSignatureValid"));
        Assert.That(Doubt(server, [_issuing, _root], _issuing), Does.Contain("NotSignatureValid"));
    }

    [Test]
    public void A_certificate_whose_time_is_over_is_not_believed()
    {
        using X509Certificate2 server = _issuing.Expired("api");
        Assert.That(Doubt(server, [], _issuing), Does.Contain("NotTimeValid"));
    }

    [Test]
    public void An_anchor_whose_time_is_over_is_none()
    {
        using var old = new LabAuthority("old", _root, expired: true);
        using X509Certificate2 server = old.ForServer("api");
        Assert.That(Doubt(server, [], old), Is.EqualTo("PartialChain"));
    }

    private static string? Doubt(X509Certificate2 server, LabAuthority[] sent, LabAuthority trusted)
    {
        // What TLS makes of the certificates that a server sends.
        using var received = new X509Chain();
        received.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        foreach (LabAuthority authority in sent) received.ChainPolicy.ExtraStore.Add(authority.Certificate);
        received.Build(server);
        Assert.That(received.ChainElements, Has.Count.EqualTo(1 + sent.Length));
        return ClusterTrust.Doubt(server, received, [trusted.Certificate]);
    }
}
