using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>
/// Reads the current context of a kubeconfig file (clientcmd/api/v1 Config): server, authority, and a client certificate or a token, each
/// inline or as a file, whose path is relative to the kubeconfig's own; or a plugin that gives them, which reading does not run.
/// </summary>
public sealed class Kubeconfig
{
    private const int LargestFile = 1 << 20;

    private Kubeconfig(string path) => FilePath = path;

    internal string FilePath { get; }

    /// <exception cref="ApiCredentialsException">It cannot be read, or asks for what the agent does not do.</exception>
    public static ApiCredentials Read(string path)
    {
        try
        {
            byte[] content = BoundedFile.Read(path, LargestFile);
            if (content.Length > LargestFile) throw new ApiCredentialsException($"{path} is larger than {LargestFile} bytes");
            using var config = JsonDocument.Parse(YamlJson.Convert(content));
            return new Kubeconfig(path).Read(config.RootElement);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or InvalidOperationException)
        {
            throw new ApiCredentialsException($"{path} is no kubeconfig: {e.Message}", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or NotSupportedException or ArgumentException
            || (e is IOException && e is not ApiCredentialsException))
        {
            throw new ApiCredentialsException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private ApiCredentials Read(JsonElement config)
    {
        string current = Text(config, "current-context")
            ?? throw Invalid("current-context is not set; kubectl config use-context NAME sets it");
        JsonElement context = Named(config, "contexts", "context", current);
        JsonElement cluster = Named(
            config, "clusters", "cluster", Text(context, "cluster") ?? throw Invalid($"context {current} names no cluster"));
        JsonElement user = Text(context, "user") is { Length: > 0 } name ? Named(config, "users", "user", name) : default;
        string server = Text(cluster, "server") ?? throw Invalid("the cluster has no server");
        if (!Uri.TryCreate(server, UriKind.Absolute, out Uri? uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp))
            throw Invalid($"server {YamlPath.Quote(server)} is no https URL");
        if (cluster.TryGetProperty("insecure-skip-tls-verify", out JsonElement skip) && skip.ValueKind == JsonValueKind.True)
        {
            throw Invalid(
                "insecure-skip-tls-verify is not accepted, since anyone could pose as the API server; give certificate-authority");
        }

        RefuseUnsupported(user);
        Func<string>? token = Token(user);
        ApiCredentials credentials = new()
        {
            Server = uri,
            ServerName = Text(cluster, "tls-server-name"),
            Proxy = Text(cluster, "proxy-url") is { Length: > 0 } proxy ? ProxyAt(proxy) : null,
            Authorities = Authorities(Pem(cluster, "certificate-authority")),
            ClientCertificate = Pair(Pem(user, "client-certificate"), Pem(user, "client-key")),
            Token = token,
            // As in client-go: a token that is given makes the plugin needless.
            Exec = token is null && Section(user, "exec") is { } exec ? new ExecConfigReader(this, exec).Read(cluster) : null,
        };
        if (uri.Scheme == Uri.UriSchemeHttp
            && (credentials.Token ?? credentials.ClientCertificate ?? (object?)credentials.Exec) is not null)
        {
            throw Invalid("credentials are not sent over http; use an https server");
        }

        // Read once now, so that a wrong path ends with a word rather than in retries.
        credentials.Authorities?.Invoke();
        credentials.ClientCertificate?.Invoke().Dispose();
        credentials.Token?.Invoke();
        return credentials;
    }

    /// <summary>What client-go takes, too. It is not repeated in words, since it may hold a password.</summary>
    private Uri ProxyAt(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? proxy) && proxy.Scheme is "http" or "https" or "socks5"
            ? proxy
            : throw Invalid(
                "proxy-url is no URL of a proxy; write it with its scheme, http, https or socks5, such as http://10.0.0.1:3128");

    private void RefuseUnsupported(JsonElement user)
    {
        if (user.ValueKind != JsonValueKind.Object) return;
        foreach (JsonProperty property in user.EnumerateObject())
        {
            string? instead = property.Name switch
            {
                "auth-provider" => "auth providers are not supported",
                "username" or "password" => "basic authentication is not supported by Kubernetes any more",
                "as" or "as-uid" or "as-groups" or "as-user-extra" => "impersonation is not supported",
                _ => null,
            };
            if (instead is not null)
                throw Invalid($"the user has {property.Name}: {instead}; use a client certificate, a token, a tokenFile or exec");
        }
    }

    private Func<X509Certificate2Collection>? Authorities(Func<string>? pem) =>
        pem is null ? null : () => PemFiles.Authorities(pem(), FilePath);

    private Func<X509Certificate2>? Pair(Func<string>? certificate, Func<string>? key)
    {
        if (certificate is null && key is null) return null;
        if (certificate is null || key is null) throw Invalid("the user has one of client-certificate and client-key; it takes both");
        return () => PemFiles.Pair(certificate(), key(), FilePath);
    }

    private Func<string>? Token(JsonElement user)
    {
        // As in client-go: the file has precedence, since it rotates.
        if (Text(user, "tokenFile") is { Length: > 0 } file) return () => PemFiles.Text(Beside(file));
        return Text(user, "token") is { Length: > 0 } token ? () => token : null;
    }

    /// <summary>A PEM text, inline (in base64) or in a file; inline has precedence as in client-go.</summary>
    internal Func<string>? Pem(JsonElement parent, string key)
    {
        if (Text(parent, $"{key}-data") is { Length: > 0 } data)
        {
            var decoded = new byte[data.Length];
            if (!Convert.TryFromBase64String(data, decoded, out int length)) throw Invalid($"{key}-data is not base64");
            string text = Encoding.UTF8.GetString(decoded, 0, length);
            return () => text;
        }

        return Text(parent, key) is { Length: > 0 } file ? () => PemFiles.Text(Beside(file)) : null;
    }

    internal string Beside(string file) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(FilePath)) ?? "/", file);

    private static JsonElement? Section(JsonElement parent, string key) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(key, out JsonElement found)
            && found.ValueKind != JsonValueKind.Null
            ? found
            : null;

    private JsonElement Named(JsonElement config, string list, string kind, string name)
    {
        if (config.TryGetProperty(list, out JsonElement items) && items.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in items.EnumerateArray())
            {
                if (Text(item, "name") == name && item.TryGetProperty(kind, out JsonElement found)) return found;
            }
        }

        throw Invalid($"{list} has no entry {YamlPath.Quote(name)}");
    }

    internal static string? Text(JsonElement parent, string key) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(key, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    internal ApiCredentialsException Invalid(string why) => new($"{FilePath}: {why}");
}
