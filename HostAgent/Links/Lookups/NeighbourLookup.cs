using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;

namespace HostAgent.Links;

/// <summary>
/// The neighbour table gives the MAC of the address, and the forwarding database of the bridge the port behind which that MAC is:
/// flannel, bridge. A neighbour entry on a pod's link itself names the link at once. Without a neighbour entry there is nothing to start
/// from, and an entry of the forwarding database ages away when the pod is silent for some minutes.
/// </summary>
public sealed class NeighbourLookup : ILinkLookup
{
    public FoundBy FoundBy => FoundBy.Neighbour;

    /// <summary>A pod that sends ARP replies or frames with another's MAC changes both tables.</summary>
    public bool Authoritative => false;

    public LookupAnswer Find(IPAddress address, LinkSnapshot snapshot)
    {
        if (!snapshot.Neighbours.TryGetValue(address, out ImmutableArray<Neighbour> neighbours))
        {
            return LookupAnswer.None("no neighbour entry");
        }

        string? reason = null;
        foreach (Neighbour neighbour in neighbours)
        {
            if (!snapshot.Links.TryGetValue(neighbour.Link, out Link? link)) continue;
            LookupAnswer answer = Behind(link, neighbour.Mac, snapshot);
            if (answer.Link is not null) return answer;
            reason ??= answer.Reason;
        }

        return LookupAnswer.None(reason ?? "its neighbour entry is on a link that is gone");
    }

    private static LookupAnswer Behind(Link link, PhysicalAddress mac, LinkSnapshot snapshot)
    {
        switch (link.Kind)
        {
            case "bridge":
                return OnBridge(link, null, mac, snapshot);
            case "vlan" when snapshot.Links.TryGetValue(link.Peer, out Link? lower) && lower.Kind == "bridge":
                return OnBridge(lower, link.VlanId, mac, snapshot);
            default:
                return PodEnd.WhyNot(link, snapshot) is { } whyNot
                    ? LookupAnswer.None($"its neighbour entry is on {link.Name}, but {whyNot}")
                    : LookupAnswer.Found(link);
        }
    }

    /// <param name="bridge">Whose database to ask.</param>
    /// <param name="vlan">The VLAN that the bridge's vlan device stands for; null when the host is on the bridge itself.</param>
    /// <param name="mac">Whom to look for.</param>
    /// <param name="snapshot">Where.</param>
    private static LookupAnswer OnBridge(Link bridge, int? vlan, PhysicalAddress mac, LinkSnapshot snapshot)
    {
        ImmutableArray<ForwardingEntry> entries = snapshot.Forwarding.GetValueOrDefault(mac, []);
        Link? found = null;
        foreach (ForwardingEntry entry in entries)
        {
            // Entries without a VLAN belong to a bridge that does not filter, and lets the tag through.
            if (entry.Bridge != bridge.Index || (vlan is not null && entry.Vlan != 0 && entry.Vlan != vlan)) continue;
            if (!snapshot.Links.TryGetValue(entry.Port, out Link? port) || PodEnd.WhyNot(port, snapshot) is not null) continue;
            if (port.Index == found?.Index) continue;
            if (found is not null)
            {
                return LookupAnswer.None(
                    $"its MAC {Text(mac)} is behind both {found.Name} and {port.Name} of bridge {bridge.Name}, in different VLANs");
            }

            found = port;
        }

        return found is not null
            ? LookupAnswer.Found(found)
            : LookupAnswer.None(
                $"its MAC {Text(mac)} is behind no pod's link of bridge {bridge.Name} (silent for minutes, or on another host)");
    }

    private static string Text(PhysicalAddress mac) => string.Join(':', mac.GetAddressBytes().Select(part => part.ToString("x2")));
}
