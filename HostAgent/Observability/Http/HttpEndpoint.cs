using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
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
public sealed class HttpEndpoint : IWarns, IAsyncDisposable
{
    /// <summary>Per listener, so that whoever exhausts those of the node's address leaves the kubelet's probes on loopback alone.</summary>
    internal const int MaxConnections = 32;

    private readonly KestrelServer _server;
    private readonly AbsentAddresses _absent;

    private HttpEndpoint(KestrelServer server, ImmutableArray<IPEndPoint> addresses, AbsentAddresses absent) =>
        (_server, Addresses, _absent) = (server, addresses, absent);

    /// <summary>Where it listens, with the port that the kernel chose where 0 was asked for.</summary>
    public ImmutableArray<IPEndPoint> Addresses { get; }

    /// <summary>Which addresses the host does not have at the moment. A change is logged.</summary>
    public IEnumerable<string> Warnings() => _absent.Look() is { } problem ? [problem] : [];

    /// <summary>An address that the host does not have yet is listened on all the same: see <see cref="Warnings"/>.</summary>
    /// <exception cref="IOException">An address cannot be bound; the message names it.</exception>
    public static async Task<HttpEndpoint> StartAsync(
        ImmutableArray<IPEndPoint> listen, ServedContent content, ILoggerFactory logs, CancellationToken cancellation)
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
        foreach (IPEndPoint address in listen) options.Listen(address, listener => listener.Protocols = HttpProtocols.Http1);
        var sockets = new SocketTransportOptions
        {
            IOQueueCount = 1,
            CreateBoundListenSocket = address => AbsentAddresses.Bind((IPEndPoint)address),
        };
        var transport = new BoundedListenerFactory(new SocketTransportFactory(Options.Create(sockets), logs), MaxConnections);
        var server = new KestrelServer(Options.Create(options), transport, logs);
        try
        {
            await server.StartAsync(new HttpRequests(content, logger), cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            server.Dispose();
            // Two programs that bind at the same moment meet only when they listen.
            if (e is SocketException) throw new IOException($"cannot listen on {string.Join(" and ", listen)}: {e.Message}", e);
            throw;
        }

        ICollection<string> bound = server.Features.Get<IServerAddressesFeature>()!.Addresses;
        ImmutableArray<IPEndPoint> addresses = [.. bound.Select(url => IPEndPoint.Parse(url["http://".Length..]))];
        var absent = new AbsentAddresses(addresses, logger);
        absent.Look();
        return new HttpEndpoint(server, addresses, absent);
    }

    public async ValueTask DisposeAsync()
    {
        // A scrape that is under way may end; a peer that dawdles does not hold up the agent's own end.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(patience.Token).ConfigureAwait(false);
        _server.Dispose();
    }
}
