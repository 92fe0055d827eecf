using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HostAgent.Cluster;
using HostAgent.Lab;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace HostAgent.Tests.Cluster;

/// <summary>
/// An API server over HTTPS on loopback: list, pages, watch, bookmarks, compaction, and every fault that a test asks for.
/// </summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _web;

    private ApiServer(WebApplication web, LabAuthority authority)
    {
        _web = web;
        Authority = authority;
    }

    public LabAuthority Authority { get; }

    public ApiObjects Objects { get; } = new();

    public ConcurrentQueue<ApiRequest> Requests { get; } = new();

    /// <summary>Asked before each request is served; true when it has done all that is to be done.</summary>
    public Func<ApiRequest, HttpContext, Task<bool>>? OnRequest { get; set; }

    /// <summary>Asked before each event is sent.</summary>
    public Func<ApiRequest, StreamFault>? OnEvent { get; set; }

    public Uri Url { get; private set; } = null!;

    /// <summary>Without a credential, trusting this server's authority.</summary>
    public ApiCredentials Credentials => For(Url, Authority.Pem);

    /// <summary>A kubeconfig that leads here, with a token.</summary>
    public string Kubeconfig => $$$"""
        apiVersion: v1
        kind: Config
        current-context: test
        contexts:
        - {name: test, context: {cluster: test, user: test}}
        clusters:
        - name: test
          cluster:
            server: {{{Url}}}
            certificate-authority-data: {{{Convert.ToBase64String(Encoding.UTF8.GetBytes(Authority.Pem))}}}
        users:
        - {name: test, user: {token: t}}
        """;

    public static async Task<ApiServer> StartAsync(
        IPAddress? address = null, HttpProtocols protocols = HttpProtocols.Http1AndHttp2, string[]? names = null, bool tls = true,
        LabAuthority? authority = null)
    {
        authority ??= new LabAuthority();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        X509Certificate2 certificate = authority.ForServer(names ?? ["localhost", "127.0.0.1", "::1"]);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address ?? IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            if (tls)
            {
                listen.UseHttps(new HttpsConnectionAdapterOptions
                {
                    ServerCertificate = certificate,
                    ServerCertificateChain = [authority.Certificate],
                    ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                    ClientCertificateValidation = (_, _, _) => true,
                });
            }
        }));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        builder.WebHost.UseKestrelHttpsConfiguration();
        WebApplication web = builder.Build();
        var server = new ApiServer(web, authority);
        web.Run(server.ServeAsync);
        await web.StartAsync();
        server.Url = new Uri(web.Urls.Single());
        return server;
    }

    public static ApiCredentials For(Uri url, string authority) => new()
    {
        Server = url,
        Authorities = () =>
        {
            var found = new X509Certificate2Collection();
            found.ImportFromPem(authority);
            return found;
        },
    };

    /// <summary>An answer with a Status object.</summary>
    public static async Task StatusAsync(HttpContext context, int code, string message, int? retryAfter = null)
    {
        context.Response.StatusCode = code;
        if (retryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        await context.Response.WriteAsync(Status(code, message));
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
        Authority.Dispose();
    }

    private static string Status(int code, string message) =>
        $"{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"{message}\",\"code\":{code}}}";

    private async Task ServeAsync(HttpContext context)
    {
        ApiRequest request = ApiRequest.Of(context);
        Requests.Enqueue(request);
        if (OnRequest is { } handler && await handler(request, context)) return;
        if (request.Watch) await WatchAsync(request, context);
        // As a watch cache does: everything at once for version 0, whatever the limit.
        else if (Objects.List(
            request.Resource, request.ResourceVersion == "0" ? int.MaxValue : request.Limit, request.Continue) is { } page)
            await context.Response.WriteAsync(page);
        else await StatusAsync(context, 410, "the provided continue parameter is too old");
    }

    private async Task WatchAsync(ApiRequest request, HttpContext context)
    {
        long version = long.Parse(request.ResourceVersion!, CultureInfo.InvariantCulture);
        if (Objects.After(request.Resource, version) is null)
        {
            await StatusAsync(context, 410, "too old resource version");
            return;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        end.CancelAfter(TimeSpan.FromSeconds(request.TimeoutSeconds));
        await context.Response.StartAsync(end.Token);
        await context.Response.Body.FlushAsync(end.Token);
        try
        {
            while (true)
            {
                if (Objects.After(request.Resource, version) is not { } news)
                {
                    await WriteAsync(context, Event(Status(410, "too old resource version")));
                    return;
                }

                foreach ((long next, string json) in news.Events)
                {
                    if (!await SendAsync(request, context, json, end.Token)) return;
                    version = next;
                }

                await news.Changed.WaitAsync(end.Token);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            if (request.Bookmarks)
            {
                await WriteAsync(context,
                    $"{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"Pod\",\"metadata\":{{\"resourceVersion\":\"{version}\"}}}}}}\n");
            }
        }
        catch (OperationCanceledException)
        {
            // The agent has gone.
        }
    }

    /// <returns>False when the stream is at its end.</returns>
    private async Task<bool> SendAsync(ApiRequest request, HttpContext context, string json, CancellationToken end)
    {
        StreamFault fault = OnEvent?.Invoke(request) ?? StreamFault.None;
        switch (fault)
        {
            case StreamFault.None:
                await WriteAsync(context, json);
                return true;
            case StreamFault.Reset or StreamFault.Cut:
                await WriteAsync(context, json[..(json.Length / 2)]);
                if (fault == StreamFault.Reset) context.Abort();
                return false;
            case StreamFault.Garbage:
                await WriteAsync(context, "upstream connect error or disconnect/reset before headers\n");
                return false;
            case StreamFault.Gone:
                await WriteAsync(context, Event(Status(410, "too old resource version")));
                return false;
            case StreamFault.Error:
                await WriteAsync(context, Event(Status(500, "etcdserver: leader changed")));
                return false;
            case StreamFault.Mute:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return false;
            default:
                return false;
        }
    }

    private static string Event(string status) => $"{{\"type\":\"ERROR\",\"object\":{status}}}\n";

    private static async Task WriteAsync(HttpContext context, string text)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text));
        await context.Response.Body.FlushAsync();
    }
}
