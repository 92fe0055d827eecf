namespace HostAgent.Links;

/// <summary>Which lookup named the link of a pod, strongest first.</summary>
public enum FoundBy
{
    /// <summary>A host route to the pod's address.</summary>
    Route,

    /// <summary>The neighbour table gave the MAC, the bridge's forwarding database the port.</summary>
    Neighbour,

    /// <summary>The interface in the pod's network namespace names its peer.</summary>
    Netns,

    /// <summary>The link's own traffic told whose it is.</summary>
    Learning,

    /// <summary>No lookup: it leads into the network namespace of a link that one of them named.</summary>
    Sibling,
}
