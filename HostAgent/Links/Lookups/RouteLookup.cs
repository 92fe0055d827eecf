using System.Collections.Immutable;
using System.Net;
using HostAgent.Interop;

namespace HostAgent.Links;

/// <summary>A host route to the address, in any table: Calico, AWS VPC CNI, GKE, ptp, kindnet.</summary>
public sealed class RouteLookup : ILinkLookup
{
    public FoundBy FoundBy => FoundBy.Route;

    public bool Authoritative => true;

    public LookupAnswer Find(IPAddress address, LinkSnapshot snapshot)
    {
        if (!snapshot.HostRoutes.TryGetValue(address, out ImmutableArray<HostRoute> routes)) return LookupAnswer.None("no host route");
        string? reason = null;
        foreach (HostRoute route in routes.OrderBy(route => route.Table != LinuxRtnetlink.RT_TABLE_MAIN)
                     .ThenBy(route => route.Table).ThenBy(route => route.Priority))
        {
            if (!snapshot.Links.TryGetValue(route.Link, out Link? link)) continue;
            string? whyNot = PodEnd.WhyNot(link, snapshot);
            if (whyNot is null) return LookupAnswer.Found(link);
            reason ??= $"its host route leads to {link.Name}, but {whyNot}";
        }

        return LookupAnswer.None(reason ?? "its host route leads to a link that is gone");
    }
}
