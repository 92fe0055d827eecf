using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>
/// What a credential plugin gave (client.authentication.k8s.io ExecCredential): a token, a certificate with its key, or both.
/// </summary>
internal sealed class ExecCredential
{
    private ExecCredential(string? token, X509Certificate2? certificate, DateTimeOffset? expires)
    {
        Token = token;
        Certificate = certificate;
        Expires = expires;
    }

    public string? Token { get; }

    public X509Certificate2? Certificate { get; }

    /// <summary>From when on it counts no more; null for never.</summary>
    public DateTimeOffset? Expires { get; }

    /// <param name="text">What the plugin printed.</param>
    /// <param name="apiVersion">The version that it was asked for.</param>
    /// <exception cref="InvalidDataException">It is nothing to show to a server; the message does not repeat any of its
    /// secrets.</exception>
    public static ExecCredential Read(ReadOnlyMemory<byte> text, string apiVersion)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return Read(json.RootElement, apiVersion);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException("prints no JSON");
        }
        catch (ApiCredentialsException e)
        {
            throw new InvalidDataException($"gives what cannot be used: {e.Message}", e);
        }
    }

    private static ExecCredential Read(JsonElement root, string apiVersion)
    {
        if (Kubeconfig.Text(root, "kind") != "ExecCredential") throw new InvalidDataException("prints no ExecCredential");
        if (Kubeconfig.Text(root, "apiVersion") is var version && version != apiVersion)
            throw new InvalidDataException($"answers in apiVersion {YamlPath.Quote(version ?? "")}, and was asked for {apiVersion}");
        if (!root.TryGetProperty("status", out JsonElement status) || status.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("gives no status");
        string token = Kubeconfig.Text(status, "token") ?? "";
        string certificate = Kubeconfig.Text(status, "clientCertificateData") ?? "";
        string key = Kubeconfig.Text(status, "clientKeyData") ?? "";
        if (token.Any(c => c is <= ' ' or > '~')) throw new InvalidDataException("gives a token with characters that no header can carry");
        if ((certificate.Length > 0) != (key.Length > 0))
            throw new InvalidDataException("gives one of clientCertificateData and clientKeyData; it takes both");
        if (token.Length == 0 && certificate.Length == 0) throw new InvalidDataException("gives neither a token nor a certificate");
        X509Certificate2? pair = certificate.Length > 0 ? PemFiles.Pair(certificate, key, "status") : null;
        return new ExecCredential(token.Length > 0 ? token : null, pair, Earlier(Expiration(status), pair?.NotAfter));
    }

    private static DateTimeOffset? Expiration(JsonElement status)
    {
        if (!status.TryGetProperty("expirationTimestamp", out JsonElement text) || text.ValueKind == JsonValueKind.Null) return null;
        if (text.ValueKind == JsonValueKind.String && text.TryGetDateTimeOffset(out DateTimeOffset expires)) return expires;
        throw new InvalidDataException("gives an expirationTimestamp that is no time (RFC 3339)");
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other : one;
}
