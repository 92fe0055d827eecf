namespace HostAgent.Policy;

/// <summary>Whose frames <c>host-agent tap</c> may show.</summary>
public enum TapScope
{
    /// <summary>Those of pods that a rule selects.</summary>
    Scope,

    /// <summary>Those of any pod, but for sensors.</summary>
    Any,
}
