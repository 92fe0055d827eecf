using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Tunnel;

/// <summary>Why a peer is not who it has to be.</summary>
/// <param name="Words">What is wrong, without a subject, as the peer may be told.</param>
/// <param name="Mend">What helps, in words for this end's operator.</param>
internal sealed record PeerDoubt(string Words, string Mend)
{
    private const int LongestText = 200;

    /// <param name="shown">The peer's certificate; null for none.</param>
    /// <param name="received">What came along with it.</param>
    /// <param name="own">Whom this end believes.</param>
    /// <param name="files">The files that it has that from.</param>
    /// <param name="serverName">The name that a server has to bear; null for a client, who may bear any.</param>
    /// <returns>Null when nothing is wrong.</returns>
    public static PeerDoubt? Of(
        X509Certificate2? shown, X509Chain? received, TlsIdentity own, TlsFiles files, string? serverName)
    {
        string issue = $"have it issued by the authority in {files.Authority}";
        if (shown is null) return ShowsNone(files);
        string certificate = $"its certificate {NameOf(shown)}";
        DateTime now = DateTime.Now;
        if (now > shown.NotAfter) return new PeerDoubt($"{certificate} expired at {Time(shown.NotAfter)}", "renew it");
        if (now < shown.NotBefore)
            return new PeerDoubt($"{certificate} is not valid before {Time(shown.NotBefore)}", "see that both clocks are right");
        string? flaw = ClusterTrust.Doubt(
            shown, received, own.Authorities, serverName is null ? ClusterTrust.ClientAuthentication : ClusterTrust.ServerAuthentication);
        if (flaw is not null) return new PeerDoubt($"{certificate} is not of the authority that is asked for ({flaw})", issue);
        if (serverName is null || shown.MatchesHostname(serverName)) return null;
        return new PeerDoubt(
            $"{certificate} does not bear the name {serverName}",
            "give the policy's serverName as the certificate has it, or have one issued for that name");
    }

    public static PeerDoubt ShowsNone(TlsFiles files) =>
        new("it shows no certificate", $"have one issued by the authority in {files.Authority}");

    /// <summary>Whose a certificate is: its subject, or what stands for it where that is empty, as cert-manager likes to have it.</summary>
    public static string NameOf(X509Certificate2 certificate) => Printable(
        certificate.Subject.Length > 0 ? certificate.Subject : $"DNS:{certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false)}");

    /// <summary>Text of a peer's as it may stand in a log.</summary>
    public static string Printable(string text) =>
        PrintableText.Of(text[..Math.Min(LongestText, text.Length)]);

    private static string Time(DateTime at) => at.ToUniversalTime().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);
}
