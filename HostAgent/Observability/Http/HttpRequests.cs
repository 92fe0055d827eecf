using System.Net;
using System.Text;
using HostAgent.Accounts;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>
/// Answers GET and HEAD of four paths. /status names every pod of the node with its addresses, so it is served only where the listener
/// is a loopback address and the peer is one too (a router that sets route_localnet lets neighbours reach 127.0.0.1). On a loopback
/// listener a request for another host than this one gets neither /status nor /metrics, which names pods, too: it comes from a page of that
/// other site, whose name was made to lead here (DNS rebinding), say through a port-forward. The probes name nobody, and nothing that a
/// probe sends along must get the agent restarted.
/// </summary>
internal sealed class HttpRequests(ServedContent content, ILogger logger) : IHttpApplication<HttpContext>
{
    internal const string StatusRefusal =
        "/status names the pods of this node, so it is served on loopback addresses only, to this host only. "
        + "Ask http://127.0.0.1:PORT/status on the node (the agent must listen there), or run: host-agent check\n";

    internal const string HostRefusal =
        "this is served to the host itself only, and the request names another: ask for http://127.0.0.1:PORT or http://localhost:PORT\n";

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        context.Features.Get<AcceptedConnection>()?.Asked();
        HttpResponse response = context.Response;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await AnswerAsync(context).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // One broken source must not end the endpoint; whoever asked gets a plain answer, the log gets the cause.
            logger.LogError(e, "Request for {Path} failed", context.Request.Path);
            if (response.HasStarted) throw;
            response.Clear();
            Text(response, StatusCodes.Status500InternalServerError, "failed; the agent's log has the cause\n");
        }

        await response.CompleteAsync().ConfigureAwait(false);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            response.Headers.Allow = "GET, HEAD";
            Text(response, StatusCodes.Status405MethodNotAllowed, "only GET and HEAD\n");
            return;
        }

        bool loopback = context.Features.Get<AcceptedConnection>() is { Loopback: true };
        switch (context.Request.Path.Value)
        {
            case "/metrics" or "/status" or "/tap" when loopback && !IsLoopback(context.Request.Host):
                Text(response, StatusCodes.Status403Forbidden, HostRefusal);
                break;
            case "/metrics":
                ExpositionFormat format = MetricsFormat.Of(context.Request.Headers.Accept);
                response.ContentType = MetricsFormat.ContentType(format);
                await content.Metrics.WriteAsync(response.BodyWriter, format).ConfigureAwait(false);
                break;
            case "/livez":
                Probe(response, content.Health.Live);
                break;
            case "/readyz":
                Probe(response, content.Health.Ready);
                break;
            case "/status" when loopback && IsLoopback(context.Connection.LocalIpAddress) && IsLoopback(context.Connection.RemoteIpAddress):
                response.ContentType = "application/json";
                StatusJson.Write(response.BodyWriter, content.Status(), content.Ledger());
                break;
            case "/status":
                Text(response, StatusCodes.Status403Forbidden, StatusRefusal);
                break;
            case "/tap" when loopback && IsLoopback(context.Connection.LocalIpAddress) && IsLoopback(context.Connection.RemoteIpAddress)
                && content.Taps is { } taps && TapAnswer.IsAsked(context.Request):
                if (!await TapAnswer.TryWriteAsync(context, taps).ConfigureAwait(false))
                    Text(response, StatusCodes.Status400BadRequest, TapAnswer.Usage);
                break;
            case "/tap":
                Text(response, StatusCodes.Status403Forbidden, TapAnswer.Usage);
                break;
            default:
                Text(response, StatusCodes.Status404NotFound, "here are: /metrics /livez /readyz /status /tap\n");
                break;
        }
    }

    private static void Probe(HttpResponse response, HealthReport report) =>
        Text(response, report.Ok ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, report.Text);

    private static void Text(HttpResponse response, int status, string text)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        Encoding.UTF8.GetBytes(text, response.BodyWriter);
    }

    /// <summary>No Host, as HTTP/1.0 allows it, is as good: a browser always sends one, and only browsers are led here by a page.</summary>
    private static bool IsLoopback(HostString host) =>
        !host.HasValue || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Host, out IPAddress? address) && IPAddress.IsLoopback(address));

    private static bool IsLoopback(IPAddress? address) => address is not null && IPAddress.IsLoopback(address);
}
