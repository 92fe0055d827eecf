using System.Net;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Links;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Observability;

/// <summary>Certificates that come, go and end.</summary>
internal sealed class CertificateTests
{
    private readonly LogLines<CertificateFiles> _log = new();
    private TemporaryDirectory _files = null!;
    private LabAuthority _authority = null!;

    private string Certificate => _files.File("tls.crt");

    private string Key => _files.File("tls.key");

    [SetUp]
    public void SetUp() => (_files, _authority) = (new TemporaryDirectory(), new LabAuthority());

    [TearDown]
    public void TearDown()
    {
        _files.Dispose();
        _authority.Dispose();
    }

    [Test]
    public void Rotated_files_are_in_use_without_a_restart()
    {
        Write(_authority.ForServer("a"));
        using var certificate = new CertificateFiles(Certificate, Key, _log);
        Assert.That(Serial(certificate), Is.EqualTo(Serial(Certificate)));
        string first = Serial(certificate);
        Write(_authority.ForServer("a"));
        Eventually.That(() => Serial(certificate) == Serial(Certificate), "the new one is in use");
        Assert.That(Serial(certificate), Is.Not.EqualTo(first));
        Assert.That(certificate.Problem, Is.Null);
    }

    [Test]
    public void The_swap_of_a_mounted_Secret_is_followed()
    {
        // As the kubelet does: the files are links into ..data, which is a link to a directory, and is replaced.
        foreach (string name in new[] { "1", "2" })
        {
            Directory.CreateDirectory(_files.File(name));
            Write(_authority.ForServer("a"), $"{name}/tls.crt", $"{name}/tls.key");
        }

        File.CreateSymbolicLink(_files.File("..data"), "1");
        File.CreateSymbolicLink(Certificate, "..data/tls.crt");
        File.CreateSymbolicLink(Key, "..data/tls.key");
        using var certificate = new CertificateFiles(Certificate, Key, _log);
        Assert.That(Serial(certificate), Is.EqualTo(Serial(_files.File("1/tls.crt"))));
        File.CreateSymbolicLink(_files.File("..new"), "2");
        HostTool.Run("mv", "-T", _files.File("..new"), _files.File("..data"));
        Eventually.That(() => Serial(certificate) == Serial(_files.File("2/tls.crt")), "the new one is in use");
    }

    [Test]
    public void Files_that_cannot_be_used_change_nothing_and_are_told_of()
    {
        Write(_authority.ForServer("a"));
        using var certificate = new CertificateFiles(Certificate, Key, _log);
        string first = Serial(certificate);
        using X509Certificate2 other = _authority.ForServer("a");
        _files.Write("tls.key", LabAuthority.KeyOf(other));
        Eventually.That(() => certificate.Problem is not null, "the wrong key is told of");
        Assert.That(certificate.Problem, Does.StartWith($"{Key} is not the private key of {Certificate}").And.Contain("stays in use"));
        Assert.That((Serial(certificate), _log.Count(LogLevel.Warning)), Is.EqualTo((first, 1)));
        _files.Write("tls.crt", other.ExportCertificatePem());
        Eventually.That(() => certificate.Problem is null, "now they go together");
        Assert.That(Serial(certificate), Is.EqualTo(other.SerialNumber));
    }

    [TestCase("", "is empty")]
    [TestCase("nothing", "no certificate")]
    public void What_is_no_certificate_is_named_at_the_start(string content, string what)
    {
        Write(_authority.ForServer("a"));
        _files.Write("tls.crt", content);
        Assert.That(() => new CertificateFiles(Certificate, Key, _log),
            Throws.TypeOf<ApiCredentialsException>().With.Message.StartsWith(Certificate).And.Message.Contains(what));
    }

    [Test]
    public void A_certificate_that_has_ended_is_a_warning()
    {
        Write(_authority.Expired("a"));
        using var certificate = new CertificateFiles(Certificate, Key, _log);
        Assert.That(certificate.Problem, Does.Contain("ended at").And.Contain("renew it"));
    }

    [Test]
    public void One_of_its_own_making_is_renewed_before_its_end()
    {
        var clock = new HandClock();
        using var certificate = new SelfSignedCertificate("node-1", [IPAddress.Parse("10.0.0.1")], clock);
        ServerIdentity first = certificate.Current;
        Assert.That(first.Ends, Is.EqualTo(clock.GetUtcNow() + SelfSignedCertificate.Lifetime));
        clock.Advance(TimeSpan.FromDays(59));
        Assert.That(certificate.Current, Is.SameAs(first));
        clock.Advance(TimeSpan.FromDays(2));
        Assert.That(certificate.Current.Ends, Is.EqualTo(clock.GetUtcNow() + SelfSignedCertificate.Lifetime));
        X509Certificate2 own = Own(certificate);
        Assert.That(own.MatchesHostname("node-1") && own.MatchesHostname("10.0.0.1"));
    }

    private void Write(X509Certificate2 made, string certificate = "tls.crt", string key = "tls.key")
    {
        // The key first: between the two the pair does not fit, which is to change nothing.
        _files.Write(key, LabAuthority.KeyOf(made));
        _files.Write(certificate, made.ExportCertificatePem());
        made.Dispose();
    }

    private static string Serial(IServingCertificate certificate) => Own(certificate).SerialNumber;

    private static X509Certificate2 Own(IServingCertificate certificate) =>
        certificate.Current.Options.ServerCertificateContext!.TargetCertificate;

    private static string Serial(string file)
    {
        using X509Certificate2 read = X509CertificateLoader.LoadCertificateFromFile(file);
        return read.SerialNumber;
    }
}
