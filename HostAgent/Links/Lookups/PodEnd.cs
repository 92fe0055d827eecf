namespace HostAgent.Links;

/// <summary>
/// Which links can be the host's end of a pod's link. Asked with a list of what is known to be one, not of what is known not to be: a
/// tunnel or a physical device taken for a pod's link would put the traffic of other hosts on a pod's account, or a sensor's traffic on
/// the network.
/// </summary>
public static class PodEnd
{
    /// <summary>Null when the link is one; else the reason, as the rest of a sentence: <c>eth0 is a physical device</c>.</summary>
    public static string? WhyNot(Link link, LinkSnapshot snapshot) =>
        WhyNotByKind(link)
        ?? (snapshot.Uplinks.Contains(link.Index) ? $"{link.Name} leads to other networks: a route through a gateway uses it" : null);

    /// <summary>What can be told from the link alone.</summary>
    internal static string? WhyNotByKind(Link link) => link switch
    {
        { Loopback: true } => $"{link.Name} is the host's loopback",
        { Kind: "" } => $"{link.Name} is a physical device, whose other end is not on this host",
        { Kind: "veth" or "netkit", PeerNetns: null } => $"{link.Name} is a {link.Kind} with both ends in the host's own namespace",
        { Kind: "veth" or "netkit" } => null,
        { Kind: "bridge" } => $"{link.Name} is a bridge",
        _ => $"{link.Name} is of kind {link.Kind}, which is not the host's end of a pod's link",
    };
}
