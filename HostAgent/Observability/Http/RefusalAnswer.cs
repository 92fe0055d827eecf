using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Observability;

/// <summary>A refusal that no token would change says why; any other is the scheme's: 401 or 403.</summary>
internal sealed class RefusalAnswer : IAuthorizationMiddlewareResultHandler
{
    private readonly AuthorizationMiddlewareResultHandler _usual = new();

    public Task HandleAsync(
        RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded || MayLook.Refusal(context) is not { } refusal)
            return _usual.HandleAsync(next, context, policy, authorizeResult);
        context.Response.WriteText(StatusCodes.Status403Forbidden, refusal);
        return Task.CompletedTask;
    }
}
