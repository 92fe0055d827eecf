namespace HostAgent.Links;

/// <summary>Where a bridge forwards a MAC.</summary>
/// <param name="Bridge">The ifindex of the bridge.</param>
/// <param name="Vlan">The VLAN that the entry is for; 0 on a bridge that does not filter VLANs.</param>
/// <param name="Port">The ifindex of the port.</param>
public readonly record struct ForwardingEntry(int Bridge, int Vlan, int Port);
