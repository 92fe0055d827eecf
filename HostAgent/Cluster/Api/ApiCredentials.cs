using System.Security.Cryptography.X509Certificates;

namespace HostAgent.Cluster;

/// <summary>
/// Where the API server is and how the agent proves who it is. What may rotate is a function: it is asked again for each request (the
/// token) or each new connection (certificates), so that a file that the kubelet replaces is never outlived.
/// </summary>
public sealed record ApiCredentials
{
    /// <summary>
    /// https://host:port, or http:// for a local proxy such as <c>kubectl proxy</c>; with a path when the server is behind one.
    /// </summary>
    public required Uri Server { get; init; }

    /// <summary>The only certificates that may have issued the server's; null for those that the system trusts.</summary>
    public Func<X509Certificate2Collection>? Authorities { get; init; }

    /// <summary>The name that the server's certificate must bear; null for the host of <see cref="Server"/>.</summary>
    public string? ServerName { get; init; }

    /// <summary>A bearer token; null for none.</summary>
    public Func<string>? Token { get; init; }

    /// <summary>A certificate with its private key; null for none.</summary>
    public Func<X509Certificate2>? ClientCertificate { get; init; }

    /// <summary>A program that gives the token or the certificate, run when a request needs it; null for none.</summary>
    public ExecConfig? Exec { get; init; }

    /// <summary>An HTTP or SOCKS5 proxy on the way; null for none.</summary>
    public Uri? Proxy { get; init; }
}
