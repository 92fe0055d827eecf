using HostAgent.Accounts;

namespace HostAgent.Observability;

/// <summary>What stands between the network and what the agent knows: TLS, and the API server's word on who may look.</summary>
internal sealed class NetworkGuard(IServingCertificate certificate, TokenAccess tokens) : IWarns, IDisposable
{
    public IServingCertificate Certificate => certificate;

    public TokenAccess Tokens => tokens;

    public IEnumerable<string> Warnings() => new[] { certificate.Problem, tokens.Problem }.OfType<string>();

    public void Dispose()
    {
        certificate.Dispose();
        tokens.Dispose();
    }
}
