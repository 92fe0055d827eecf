using System.Security.Claims;

namespace HostAgent.Observability;

/// <summary>The owner of a token that the API server knows.</summary>
internal sealed class TokenIdentity(KnownToken token) : ClaimsIdentity([new Claim(ClaimTypes.Name, token.Owner.Name)], TokenHandler.Bearer)
{
    public KnownToken Token => token;
}
