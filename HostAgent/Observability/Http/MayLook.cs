using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace HostAgent.Observability;

/// <summary>
/// What every request but a probe's has to fulfil. On a loopback address it comes from this host (a router that sets route_localnet lets
/// neighbours reach 127.0.0.1) and names this host: another name is a page's of that other site, whose name was made to lead here (DNS
/// rebinding), say through a port-forward. Elsewhere the API server permits it, over TLS. Where the operator has asked for plain HTTP
/// elsewhere, /status is not served there, as it names every pod of the node with its addresses.
/// </summary>
/// <param name="tokens">Null where nothing is served over TLS.</param>
internal sealed class MayLook(TokenAccess? tokens) : AuthorizationHandler<MayLook>, IAuthorizationRequirement
{
    internal const string HostOnly =
        "this names the pods of this node, so it is served on loopback addresses only, to this host only. "
        + "Ask http://127.0.0.1:PORT on the node (the agent must listen there), or run: host-agent status\n";

    internal const string OtherHost =
        "this is served to the host itself only, and the request names another: ask for http://127.0.0.1:PORT or http://localhost:PORT\n";

    /// <summary>
    /// What no token would change, in words for whoever asked; null when it is for the token to say, or nothing stands in the way.
    /// </summary>
    public static string? Refusal(HttpContext http)
    {
        if (http.Features.Get<AcceptedConnection>() is { Loopback: true })
        {
            if (!IsLoopback(http.Connection.LocalIpAddress) || !IsLoopback(http.Connection.RemoteIpAddress)) return HostOnly;
            return IsLoopback(http.Request.Host) ? null : OtherHost;
        }

        Audience? audience = AudienceOf(http.GetEndpoint());
        return audience is Audience.Host || (audience is Audience.Permitted && !http.Request.IsHttps) ? HostOnly : null;
    }

    protected override async Task HandleRequirementAsync(AuthorizationHandlerContext context, MayLook requirement)
    {
        var http = (HttpContext)context.Resource!;
        if (Refusal(http) is null && (!http.Request.IsHttps || await IsPermittedAsync(context, http).ConfigureAwait(false)))
            context.Succeed(requirement);
    }

    /// <summary>Null where there is nothing to be seen: no such path, or no such method.</summary>
    private static Audience? AudienceOf(Endpoint? endpoint) => endpoint is RouteEndpoint
        ? endpoint.Metadata.OfType<Audience>().FirstOrDefault(Audience.Permitted)
        : null;

    /// <summary>By the route as it is written here: what was asked for may be in other letters.</summary>
    private async Task<bool> IsPermittedAsync(AuthorizationHandlerContext context, HttpContext http)
    {
        if (context.User.Identity is not TokenIdentity known) return false;
        return http.GetEndpoint() is not RouteEndpoint route
            || await tokens!.MayGetAsync(known.Token, route.RoutePattern.RawText!, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>No Host, as HTTP/1.0 allows it, is as good: a browser always sends one, and only browsers are led here by a page.</summary>
    private static bool IsLoopback(HostString host) =>
        !host.HasValue || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Host, out IPAddress? address) && IPAddress.IsLoopback(address));

    private static bool IsLoopback(IPAddress? address) => address is not null && IPAddress.IsLoopback(address);
}
