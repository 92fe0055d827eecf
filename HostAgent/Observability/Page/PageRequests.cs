using Microsoft.AspNetCore.Http;

namespace HostAgent.Observability;

/// <summary>Answers / and /events, to those who may see /status.</summary>
internal sealed class PageRequests(ServedContent content)
{
    private readonly StatusPage _page = new();
    private readonly PageEvents _events = new(content);

    public Task HtmlAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.ContentSecurityPolicy = _page.SecurityPolicy;
        headers.XFrameOptions = "DENY";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Referrer-Policy"] = "no-referrer";
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = _page.Html.Length;
        return context.Response.Body.WriteAsync(_page.Html).AsTask();
    }

    public Task EventsAsync(HttpContext context)
    {
        context.Response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        // A page of another site may not read it, but would take one of the places (Fetch Metadata Request Headers).
        if (context.Request.Headers["Sec-Fetch-Site"] is [] or ["same-origin" or "none"]) return _events.AnswerAsync(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }
}
