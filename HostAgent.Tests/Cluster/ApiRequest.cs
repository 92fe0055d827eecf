using Microsoft.AspNetCore.Http;

namespace HostAgent.Tests.Cluster;

/// <summary>What the agent asked the test's API server.</summary>
internal sealed record ApiRequest(
    string Resource, bool Watch, string? ResourceVersion, string? Continue, string? FieldSelector, int Limit,
    int TimeoutSeconds, bool Bookmarks, string Accept,
    string? Authorization, string? ClientName, string Protocol)
{
    public static ApiRequest Of(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        return new ApiRequest(
            context.Request.Path.Value!.Split('/')[^1],
            query["watch"] == "true",
            query["resourceVersion"],
            query["continue"],
            query["fieldSelector"],
            int.TryParse(query["limit"], out int limit) ? limit : int.MaxValue,
            int.TryParse(query["timeoutSeconds"], out int seconds) ? seconds : 3600,
            query["allowWatchBookmarks"] == "true",
            context.Request.Headers.Accept.ToString(),
            context.Request.Headers.Authorization.FirstOrDefault(),
            context.Connection.ClientCertificate?.Subject,
            context.Request.Protocol);
    }
}
