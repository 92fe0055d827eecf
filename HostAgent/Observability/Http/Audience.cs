namespace HostAgent.Observability;

/// <summary>To whom a path is served beyond this host itself. Every path but the probes has one.</summary>
internal enum Audience
{
    /// <summary>Nobody: on a loopback address only.</summary>
    Host,

    /// <summary>Over TLS, to whom the API server permits it.</summary>
    Permitted,

    /// <summary>As <see cref="Permitted"/>, and to everybody where the operator has asked for plain HTTP.</summary>
    Network,
}
