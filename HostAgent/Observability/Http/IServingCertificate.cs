namespace HostAgent.Observability;

/// <summary>What the agent shows to whom asks it over TLS.</summary>
internal interface IServingCertificate : IDisposable
{
    /// <summary>The one in use; another one when it was rotated.</summary>
    ServerIdentity Current { get; }

    /// <summary>Why it should be looked after, in words for an operator; null when all is well.</summary>
    string? Problem { get; }
}
