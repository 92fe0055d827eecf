using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace HostAgent.Bench.PodMaps;

/// <summary>An API server of a cluster with so many pods, on loopback, which counts what it is asked and what it answers.</summary>
internal sealed class GeneratedApi : IAsyncDisposable
{
    private readonly WebApplication _web;
    private readonly int _pods;
    private long _version = 1;
    private long _bytes, _requests;

    private GeneratedApi(WebApplication web, int pods)
    {
        _web = web;
        _pods = pods;
    }

    public long Bytes => Volatile.Read(ref _bytes);

    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Pods that change in a second, for who watches all.</summary>
    public double Changes { get; set; }

    public Uri Url => new(_web.Urls.Single());

    public static async Task<GeneratedApi> StartAsync(int pods)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        var api = new GeneratedApi(builder.Build(), pods);
        api._web.Run(api.ServeAsync);
        await api._web.StartAsync();
        return api;
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _web.StopAsync(patience.Token);
        await _web.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        Interlocked.Increment(ref _requests);
        IQueryCollection query = context.Request.Query;
        // Of this node there are none: what is measured is the map.
        bool ofNode = query.ContainsKey("fieldSelector");
        string resource = context.Request.Path.Value!.Split('/')[^1];
        int count = ofNode ? 0 : resource switch
        {
            "pods" => _pods,
            "services" => GeneratedPod.Services(_pods),
            _ => 0,
        };
        if (query["watch"] is ["true" or "1"]) await WatchAsync(context, resource == "pods" && !ofNode);
        else await ListAsync(context, resource, count);
    }

    /// <summary>As a watch cache does: everything at once for version 0, whatever the limit.</summary>
    private async Task ListAsync(HttpContext context, string resource, int count)
    {
        IQueryCollection query = context.Request.Query;
        int from = query["continue"] is [{ Length: > 0 } next] ? int.Parse(next, CultureInfo.InvariantCulture) : 0;
        int limit = query["resourceVersion"] is ["0"] || query["limit"] is not [{ } most]
            ? count : int.Parse(most, CultureInfo.InvariantCulture);
        int to = (int)Math.Min(count, (long)from + limit);
        string more = to < count ? $",\"continue\":\"{to}\"" : "";
        await WriteAsync(context, System.Text.Encoding.UTF8.GetBytes(
            $"{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{_version}\"{more}}},\"items\":["));
        for (int i = from; i < to; i++)
        {
            if (i > from) await WriteAsync(context, ","u8.ToArray());
            await WriteAsync(context, resource == "pods" ? GeneratedPod.Json(i, 1) : GeneratedPod.ServiceJson(i));
        }

        await WriteAsync(context, "]}"u8.ToArray());
    }

    private async Task WatchAsync(HttpContext context, bool changes)
    {
        await context.Response.StartAsync();
        await context.Response.Body.FlushAsync();
        try
        {
            for (double owed = 0; ; await Task.Delay(100, context.RequestAborted))
            {
                for (owed += changes ? Changes / 10 : 0; owed >= 1; owed--)
                {
                    long version = Interlocked.Increment(ref _version);
                    byte[] pod = GeneratedPod.Json((int)(version * 7919 % _pods), version);
                    // One event a line.
                    for (int i = 0; i < pod.Length; i++) if (pod[i] == '\n') pod[i] = (byte)' ';
                    await WriteAsync(context, [.. "{\"type\":\"MODIFIED\",\"object\":"u8, .. pod, .. "}\n"u8]);
                }

                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The agent has gone.
        }
    }

    private async Task WriteAsync(HttpContext context, byte[] bytes)
    {
        Interlocked.Add(ref _bytes, bytes.Length);
        await context.Response.BodyWriter.WriteAsync(bytes);
    }
}
