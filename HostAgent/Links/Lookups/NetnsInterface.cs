using System.Net;

namespace HostAgent.Links;

/// <summary>An address that an interface in another network namespace has.</summary>
/// <param name="Address">The address.</param>
/// <param name="Namespace">The namespace's file.</param>
/// <param name="Name">The interface's name inside.</param>
/// <param name="Kind">Its kind (IFLA_INFO_KIND); empty for a physical device.</param>
/// <param name="HostLink">The link in the host's namespace that is its other end; null when there is none, or none yet.</param>
internal sealed record NetnsInterface(IPAddress Address, string Namespace, string Name, string Kind, Link? HostLink)
{
    /// <summary>True for kinds that come in pairs, whose other end can be expected on the host.</summary>
    public bool IsPair => Kind is "veth" or "netkit";
}
