using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// HTTP to the API server: TLS with the cluster's own authority, credentials as they are now, and dead connections noticed.
/// </summary>
internal sealed class ApiConnection : IDisposable
{
    private static readonly ProductInfoHeaderValue Product =
        new("host-agent", typeof(ApiConnection).Assembly.GetName().Version?.ToString(3));

    private readonly ApiCredentials _credentials;
    private readonly ApiTimeouts _timeouts;
    private readonly ExecAuthenticator? _plugin;
    private readonly Lock _gate = new();
    private HttpClient _client;
    private X509Certificate2? _given;

    public ApiConnection(ApiCredentials credentials, ApiTimeouts timeouts, ILogger logger)
    {
        _credentials = credentials;
        _timeouts = timeouts;
        _plugin = credentials.Exec is { } exec ? new ExecAuthenticator(exec, timeouts, logger) : null;
        _client = Client(credentials.ClientCertificate);
    }

    /// <param name="method">GET, or POST or PATCH with a body.</param>
    /// <param name="pathAndQuery">Relative to the server's URL, without a leading slash.</param>
    /// <param name="headers">Those of this request alone.</param>
    /// <param name="body">Null for none.</param>
    /// <returns>The response as soon as its headers are here, whatever its status.</returns>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">The token cannot be read, or the plugin gives none.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string pathAndQuery, IReadOnlyDictionary<string, IReadOnlyList<string>> headers, HttpContent? body,
        CancellationToken cancellation)
    {
        string server = _credentials.Server.GetLeftPart(UriPartial.Path).TrimEnd('/');
        using var request = new HttpRequestMessage(method, $"{server}/{pathAndQuery}")
        {
            Content = body,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        foreach ((string name, IReadOnlyList<string> values) in headers) request.Headers.TryAddWithoutValidation(name, values);
        request.Headers.UserAgent.Add(Product);
        // Also the name that TLS asks for and checks.
        request.Headers.Host = _credentials.ServerName;
        ExecCredential? given = _plugin is null ? null : await _plugin.GetAsync(cancellation);
        string? token = _credentials.Token?.Invoke() ?? given?.Token;
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        HttpResponseMessage response = await ClientShowing(given?.Certificate)
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (response.StatusCode == HttpStatusCode.Unauthorized && given is not null) _plugin!.Refuse(given);
        return response;
    }

    public void Dispose()
    {
        _plugin?.Dispose();
        _client.Dispose();
    }

    /// <summary>
    /// A connection shows for all its life what it showed at first, so another certificate of the plugin takes other connections.
    /// </summary>
    private HttpClient ClientShowing(X509Certificate2? given)
    {
        if (given is null || _credentials.ClientCertificate is not null) return _client;
        lock (_gate)
        {
            // The client before is left to the requests that it still has; its connections end when they are idle.
            if (given != _given) (_given, _client) = (given, Client(() => given));
            return _client;
        }
    }

    private HttpClient Client(Func<X509Certificate2>? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            Proxy = _credentials.Proxy is null ? null : new WebProxy(_credentials.Proxy),
            UseProxy = _credentials.Proxy is not null,
            ConnectTimeout = _timeouts.Connect,
            // A new connection now and then: certificates are looked at again, and agents spread over the servers of the cluster.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            KeepAlivePingDelay = _timeouts.PingAfter,
            KeepAlivePingTimeout = _timeouts.PingAnswer,
            ConnectCallback = (context, cancellation) => ConnectAsync(context, _timeouts, cancellation),
        };
        handler.SslOptions.RemoteCertificateValidationCallback = Trusts;
        if (certificate is not null) handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate();
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, ApiTimeouts timeouts, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // HTTP/2 has its pings; this is for a server or a proxy that speaks HTTP/1.1 only.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(
                SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)Math.Ceiling(timeouts.PingAfter.TotalSeconds));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The name is checked by TLS as ever; of the authorities only the cluster's own counts.</summary>
    private bool Trusts(object sender, X509Certificate? certificate, X509Chain? received, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 server) throw new AuthenticationException("the API server shows no certificate");
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            throw new AuthenticationException(
                $"the API server's certificate does not bear the name {_credentials.ServerName ?? _credentials.Server.Host}");
        }

        if (_credentials.Authorities is null)
        {
            return errors == SslPolicyErrors.None
                ? true
                : throw new AuthenticationException(
                    "the API server's certificate is not trusted by this system; give certificate-authority");
        }

        if (ClusterTrust.Doubt(server, received, _credentials.Authorities()) is { } doubt)
            throw new AuthenticationException($"the API server's certificate is not one of the cluster's authority ({doubt})");
        return true;
    }
}
