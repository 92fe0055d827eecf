using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using HostAgent.Accounts;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace HostAgent.Observability;

/// <summary>
/// /metrics, /livez, /readyz and /status over HTTP/1.1. It is Kestrel with routing, authentication and authorization, and no host around
/// it: no configuration files, no signal handlers. On the node's address it faces an untrusted network, so every resource that a peer can
/// hold is bounded; HTTP/2, in which a peer can open and reset streams without end, is not spoken.
/// </summary>
public sealed class HttpEndpoint : IWarns, IAsyncDisposable
{
    /// <summary>Per listener, so that whoever exhausts those of the node's address leaves the kubelet's probes on loopback alone.</summary>
    internal const int MaxConnections = 32;

    private static readonly TimeSpan Handshake = TimeSpan.FromSeconds(5);

    private readonly WebApplication _services;
    private readonly IServer _server;
    private readonly AbsentAddresses _absent;
    private readonly NetworkGuard? _guard;

    private HttpEndpoint(
        WebApplication services, IServer server, ImmutableArray<IPEndPoint> addresses, AbsentAddresses absent, NetworkGuard? guard) =>
        (_services, _server, Addresses, _absent, _guard) = (services, server, addresses, absent, guard);

    /// <summary>Where it listens, with the port that the kernel chose where 0 was asked for.</summary>
    public ImmutableArray<IPEndPoint> Addresses { get; }

    /// <summary>Which addresses the host does not have at the moment, and what keeps the network from being served.</summary>
    public IEnumerable<string> Warnings() =>
        (_absent.Look() is { } problem ? [problem] : Array.Empty<string>()).Concat(_guard?.Warnings() ?? []);

    /// <summary>An address that the host does not have yet is listened on all the same: see <see cref="Warnings"/>.</summary>
    /// <param name="listen">Loopback addresses are served in plain HTTP.</param>
    /// <param name="content">What is served.</param>
    /// <param name="guard">Stands before all other addresses; null for plain HTTP there, too, and /metrics and the probes only.</param>
    /// <param name="logs">For this and for Kestrel.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="IOException">An address cannot be bound; the message names it.</exception>
    internal static async Task<HttpEndpoint> StartAsync(
        ImmutableArray<IPEndPoint> listen, ServedContent content, NetworkGuard? guard, ILoggerFactory logs, CancellationToken cancellation)
    {
        ILogger logger = logs.CreateLogger<HttpEndpoint>();
        WebApplication services = Services(listen, guard, logs);
        var server = services.Services.GetRequiredService<IServer>();
        try
        {
            await server.StartAsync(new HttpRequests(content, services.Services, logger), cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await services.DisposeAsync().ConfigureAwait(false);
            // Two programs that bind at the same moment meet only when they listen.
            if (e is SocketException) throw new IOException($"cannot listen on {string.Join(" and ", listen)}: {e.Message}", e);
            throw;
        }

        ICollection<string> bound = server.Features.Get<IServerAddressesFeature>()!.Addresses;
        ImmutableArray<IPEndPoint> addresses = [.. bound.Select(url => IPEndPoint.Parse(new Uri(url).Authority))];
        var absent = new AbsentAddresses(addresses, logger, tls: guard is not null);
        absent.Look();
        return new HttpEndpoint(services, server, addresses, absent, guard);
    }

    public async ValueTask DisposeAsync()
    {
        // A scrape that is under way may end; a peer that dawdles does not hold up the agent's own end.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(patience.Token).ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The framework's parts, made by its builder as they need each other, and never run by it.</summary>
    private static WebApplication Services(ImmutableArray<IPEndPoint> listen, NetworkGuard? guard, ILoggerFactory logs)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var sockets = new SocketTransportOptions
        {
            IOQueueCount = 1,
            CreateBoundListenSocket = address => AbsentAddresses.Bind((IPEndPoint)address),
        };
        builder.Services
            .AddSingleton(logs)
            .AddSingleton<IConnectionListenerFactory>(
                new BoundedListenerFactory(new SocketTransportFactory(Options.Create(sockets), logs), MaxConnections))
            .AddSingleton<IAuthorizationMiddlewareResultHandler, RefusalAnswer>()
            .AddRoutingCore()
            .AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicy([new MayLook(guard?.Tokens)], guard is null ? [] : [TokenHandler.Bearer]));
        if (guard is not null)
        {
            builder.Services
                .AddSingleton(guard.Tokens)
                .AddSingleton(UrlEncoder.Default)
                .AddTransient<TokenHandler>()
                .AddAuthenticationCore(options => options.AddScheme<TokenHandler>(TokenHandler.Bearer, displayName: null));
        }

        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            Bound(options.Limits);
            foreach (IPEndPoint address in listen)
            {
                options.Listen(address, listener =>
                {
                    listener.Protocols = HttpProtocols.Http1;
                    if (guard is not null && !IPAddress.IsLoopback(address.Address)) Encrypt(listener, guard.Certificate);
                });
            }
        });
        return builder.Build();
    }

    private static void Bound(KestrelServerLimits limits)
    {
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 2048;
        limits.MaxRequestHeaderCount = 32;
        limits.MaxRequestHeadersTotalSize = 8192;
        limits.MaxRequestBufferSize = 16 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(65);
    }

    private static void Encrypt(ListenOptions listener, IServingCertificate certificate) =>
        listener.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = Handshake,
            OnConnection = _ => ValueTask.FromResult(certificate.Current.Options),
        });
}
