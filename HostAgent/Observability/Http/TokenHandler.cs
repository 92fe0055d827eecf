using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace HostAgent.Observability;

/// <summary>
/// Bearer tokens (RFC 6750) that the API server knows. Only over TLS: a token that came in the clear is nobody's secret. A probe's is not
/// looked at, whatever it sends.
/// </summary>
internal sealed class TokenHandler(
    TokenAccess tokens, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
{
    public const string Bearer = "Bearer";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        bool isProbe = Context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null;
        if (!Request.IsHttps || isProbe
            || !AuthenticationHeaderValue.TryParse(Request.Headers.Authorization, out AuthenticationHeaderValue? given)
            || !given.Scheme.Equals(Bearer, StringComparison.OrdinalIgnoreCase) || string.IsNullOrEmpty(given.Parameter))
        {
            return AuthenticateResult.NoResult();
        }

        KnownToken? known = await tokens
            .RecognizeAsync(given.Parameter, Context.Connection.RemoteIpAddress!, Context.RequestAborted).ConfigureAwait(false);
        return known is null
            ? AuthenticateResult.Fail("the API server does not know the token")
            : AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new TokenIdentity(known)), Bearer));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        bool refused = (await HandleAuthenticateOnceSafeAsync().ConfigureAwait(false)).Failure is not null;
        Response.Headers.WWWAuthenticate = refused ? $"{Bearer} error=\"invalid_token\"" : Bearer;
        Response.WriteText(StatusCodes.Status401Unauthorized, refused
            ? "the API server does not know this token: it has expired, or is another cluster's\n"
            : "this is for accounts of the cluster: send Authorization: Bearer TOKEN, where TOKEN is a service account's\n");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        Response.WriteText(StatusCodes.Status403Forbidden,
            $"{Context.User.Identity?.Name} may not get {Request.Path}: "
            + "bind it to the ClusterRole host-agent-metrics-reader (/metrics) or host-agent-status-reader (everything)\n");
        return Task.CompletedTask;
    }
}
