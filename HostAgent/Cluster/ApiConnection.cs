using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Cluster;

/// <summary>HTTP to the API server: TLS with the cluster's own authority, credentials as they are now, and dead connections noticed.</summary>
internal sealed class ApiConnection : IDisposable
{
    private static readonly ProductInfoHeaderValue Product = new("host-agent", typeof(ApiConnection).Assembly.GetName().Version?.ToString(3));

    private readonly ApiCredentials _credentials;
    private readonly HttpClient _client;

    public ApiConnection(ApiCredentials credentials, ApiTimeouts timeouts)
    {
        _credentials = credentials;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            Proxy = credentials.Proxy is null ? null : new WebProxy(credentials.Proxy),
            UseProxy = credentials.Proxy is not null,
            ConnectTimeout = timeouts.Connect,
            // A new connection now and then: certificates are looked at again, and agents spread over the servers of the cluster.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            KeepAlivePingDelay = timeouts.PingAfter,
            KeepAlivePingTimeout = timeouts.PingAnswer,
            ConnectCallback = (context, cancellation) => ConnectAsync(context, timeouts, cancellation),
        };
        handler.SslOptions.RemoteCertificateValidationCallback = Trusts;
        if (credentials.ClientCertificate is { } certificate) handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate();
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <param name="method">Of a request without a body.</param>
    /// <param name="pathAndQuery">Relative to the server's URL, without a leading slash.</param>
    /// <param name="headers">Those of this request alone.</param>
    /// <returns>The response as soon as its headers are here, whatever its status.</returns>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">The token cannot be read.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string pathAndQuery, IReadOnlyDictionary<string, IReadOnlyList<string>> headers, CancellationToken cancellation)
    {
        string server = _credentials.Server.GetLeftPart(UriPartial.Path).TrimEnd('/');
        using var request = new HttpRequestMessage(method, $"{server}/{pathAndQuery}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        foreach ((string name, IReadOnlyList<string> values) in headers) request.Headers.TryAddWithoutValidation(name, values);
        request.Headers.UserAgent.Add(Product);
        // Also the name that TLS asks for and checks.
        request.Headers.Host = _credentials.ServerName;
        if (_credentials.Token is { } token) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token());
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public void Dispose() => _client.Dispose();

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, ApiTimeouts timeouts, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // HTTP/2 has its pings; this is for a server or a proxy that speaks HTTP/1.1 only.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)Math.Ceiling(timeouts.PingAfter.TotalSeconds));
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
            throw new AuthenticationException($"the API server's certificate does not bear the name {_credentials.ServerName ?? _credentials.Server.Host}");
        if (_credentials.Authorities is null)
            return errors == SslPolicyErrors.None ? true : throw new AuthenticationException("the API server's certificate is not trusted by this system; give certificate-authority");
        if (ClusterTrust.Doubt(server, received, _credentials.Authorities()) is { } doubt)
            throw new AuthenticationException($"the API server's certificate is not one of the cluster's authority ({doubt})");
        return true;
    }
}
