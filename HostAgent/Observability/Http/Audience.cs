namespace HostAgent.Observability;

/// <summary>To whom a path is served beyond this host itself, as metadata of its route.</summary>
internal enum Audience
{
    /// <summary>Nobody: on a loopback address only.</summary>
    Host,

    /// <summary>Over TLS, to whom the API server permits it. So is a path of which nothing is said.</summary>
    Permitted,

    /// <summary>As <see cref="Permitted"/>, and to everybody where the operator has asked for plain HTTP.</summary>
    Network,
}
