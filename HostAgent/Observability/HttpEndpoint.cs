using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace HostAgent.Observability;

/// <summary>
/// /metrics, /livez, /readyz and /status over HTTP/1.1. It is Kestrel without a web host around it: no configuration files, no
/// signal handlers and no service container that the agent would not use. On the node's address it faces an untrusted network, so every
/// resource that a peer can hold is bounded.
/// </summary>
public sealed class HttpEndpoint : IAsyncDisposable
{
    /// <summary>Per listener, so that whoever exhausts those of the node's address leaves the kubelet's probes on loopback alone.</summary>
    internal const int MaxConnections = 32;

    private readonly KestrelServer _server;

    private HttpEndpoint(KestrelServer server, ImmutableArray<IPEndPoint> addresses) => (_server, Addresses) = (server, addresses);

    /// <summary>Where it listens, with the port that the kernel chose where 0 was asked for.</summary>
    public ImmutableArray<IPEndPoint> Addresses { get; }

    /// <exception cref="IOException">An address cannot be bound; the message names it.</exception>
    public static async Task<HttpEndpoint> StartAsync(
        ImmutableArray<IPEndPoint> listen, HttpContent content, ILoggerFactory logs, CancellationToken cancellation)
    {
        ILogger logger = logs.CreateLogger<HttpEndpoint>();
        var options = new KestrelServerOptions { AddServerHeader = false };
        KestrelServerLimits limits = options.Limits;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 2048;
        limits.MaxRequestHeaderCount = 32;
        limits.MaxRequestHeadersTotalSize = 8192;
        limits.MaxRequestBufferSize = 16 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(65);
        foreach (IPEndPoint address in listen) options.Listen(address, listener => Bound(listener, address));
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions { IOQueueCount = 1 }), logs);
        var server = new KestrelServer(Options.Create(options), transport, logs);
        try
        {
            await server.StartAsync(new HttpRequests(content, logger), cancellation).ConfigureAwait(false);
        }
        catch
        {
            server.Dispose();
            throw;
        }

        ICollection<string> bound = server.Features.Get<IServerAddressesFeature>()!.Addresses;
        ImmutableArray<IPEndPoint> addresses = [.. bound.Select(url => IPEndPoint.Parse(url["http://".Length..]))];
        foreach (IPEndPoint address in addresses)
        {
            logger.LogInformation("Listening on http://{Address} for {Paths}", address,
                IPAddress.IsLoopback(address.Address) ? "/metrics /livez /readyz /status" : "/metrics /livez /readyz");
        }

        return new HttpEndpoint(server, addresses);
    }

    public async ValueTask DisposeAsync()
    {
        // A scrape that is under way may end; a peer that dawdles does not hold up the agent's own end.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(patience.Token).ConfigureAwait(false);
        _server.Dispose();
    }

    private static void Bound(ListenOptions listener, IPEndPoint address)
    {
        listener.Protocols = HttpProtocols.Http1;
        var feature = new ListenerFeature(IPAddress.IsLoopback(address.Address));
        int connections = 0;
        listener.Use(next => async connection =>
        {
            try
            {
                if (Interlocked.Increment(ref connections) > MaxConnections)
                {
                    connection.Abort(new ConnectionAbortedException("too many connections"));
                    return;
                }

                connection.Features.Set(feature);
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref connections);
            }
        });
    }
}
