using HostAgent.Accounts;
using HostAgent.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>
/// Answers GET and HEAD of the paths in <see cref="Map"/>. All but the probes want <see cref="MayLook"/> fulfilled, also a path that is
/// added without a word of it. The probes name nobody, and nothing that a probe sends along must get the agent restarted.
/// </summary>
internal sealed class HttpRequests : IHttpApplication<HttpContext>
{
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    private readonly ServedContent _content;
    private readonly FaultLog _faults;
    private readonly IHttpContextFactory _contexts;
    private readonly RequestDelegate _answer;
    private readonly PageRequests _page;
    private readonly List<string> _paths = [];

    /// <param name="content">What is served.</param>
    /// <param name="services">Those of routing, authentication and authorization.</param>
    /// <param name="logger">For requests that failed.</param>
    public HttpRequests(ServedContent content, IServiceProvider services, ILogger logger)
    {
        (_content, _page) = (content, new PageRequests(content));
        _faults = new FaultLog(logger, "Answering a request over HTTP");
        _contexts = services.GetRequiredService<IHttpContextFactory>();
        var steps = new ApplicationBuilder(services);
        steps.UseRouting().UseAuthorization().UseEndpoints(Map);
        steps.Run(NothingAsync);
        _answer = steps.Build();
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => _contexts.Create(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception) => _contexts.Dispose(context);

    public async Task ProcessRequestAsync(HttpContext context)
    {
        context.Features.Get<AcceptedConnection>()?.Asked();
        HttpResponse response = context.Response;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await _answer(context).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ApiCallException or TooManyTokensException && !response.HasStarted)
        {
            // Not 401: the token may be as good as ever, and whoever looks for the fault should look at the API server.
            response.Headers.RetryAfter = "10";
            response.WriteText(
                e is ApiCallException ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status429TooManyRequests,
                $"the API server does not say who you are, so nothing is served: {e.Message}\n");
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be answered.
            return;
        }
        catch (Exception e)
        {
            // One broken source must not end the endpoint; whoever asked gets a plain answer, the log gets the cause.
            lock (_faults) _faults.Log(e);
            if (response.HasStarted) throw;
            response.Clear();
            response.WriteText(StatusCodes.Status500InternalServerError, "failed; the agent's log has the cause\n");
        }

        await response.CompleteAsync().ConfigureAwait(false);
    }

    private void Map(IEndpointRouteBuilder routes)
    {
        Serve(routes, "/", _page.HtmlAsync);
        Serve(routes, "/events", _page.EventsAsync);
        Serve(routes, "/metrics", MetricsAsync).WithMetadata(Audience.Network);
        Serve(routes, "/livez", context => ProbeAsync(context, _content.Health.Live)).AllowAnonymous();
        Serve(routes, "/readyz", context => ProbeAsync(context, _content.Health.Ready)).AllowAnonymous();
        Serve(routes, "/status", StatusAsync);
        if (_content.Taps is { } taps) Serve(routes, "/tap", context => TapAnswer.WriteAsync(context, taps)).WithMetadata(Audience.Host);
    }

    private IEndpointConventionBuilder Serve(IEndpointRouteBuilder routes, string path, RequestDelegate answer)
    {
        _paths.Add(path);
        return routes.MapMethods(path, Methods, answer);
    }

    private async Task MetricsAsync(HttpContext context)
    {
        ExpositionFormat format = MetricsFormat.Of(context.Request.Headers.Accept);
        context.Response.ContentType = MetricsFormat.ContentType(format);
        await _content.Metrics.WriteAsync(context.Response.BodyWriter, format).ConfigureAwait(false);
    }

    private Task StatusAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        StatusJson.Write(context.Response.BodyWriter, _content.Status(), _content.Ledger());
        return Task.CompletedTask;
    }

    private static Task ProbeAsync(HttpContext context, HealthReport report)
    {
        context.Response.WriteText(report.Ok ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, report.Text);
        return Task.CompletedTask;
    }

    private Task NothingAsync(HttpContext context)
    {
        context.Response.WriteText(StatusCodes.Status404NotFound, $"here are: {string.Join(' ', _paths)}\n");
        return Task.CompletedTask;
    }
}
