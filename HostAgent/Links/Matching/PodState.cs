namespace HostAgent.Links;

/// <summary>The one state that every pod of the node is in.</summary>
public enum PodState
{
    /// <summary>No rule of the policy matches it.</summary>
    NotSelected,

    /// <summary>In scope, and its frames are (for <c>check</c>: would be) captured.</summary>
    Captured,

    /// <summary>In scope, and something is expected to arrive: an address, a link.</summary>
    Pending,

    /// <summary>In scope, and it cannot be captured; the reason says why and what to do.</summary>
    Unsupported,
}
