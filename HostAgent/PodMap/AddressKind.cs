namespace HostAgent.PodMap;

/// <summary>What an address is of.</summary>
public enum AddressKind
{
    Pod,

    /// <summary>A service's cluster IP: what a client asks for. On a pod's link it is seen where the kernel translates it later.</summary>
    Service,
}
