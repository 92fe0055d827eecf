using System.Net;

namespace HostAgent.Links;

/// <summary>Which pod got which links in one round of matching, and by which of its addresses.</summary>
internal sealed class LinkGrants
{
    private readonly Dictionary<PodMemory, List<LinkClaim>> _byPod = [];

    public IEnumerable<LinkClaim> All => _byPod.Values.SelectMany(claims => claims);

    public void Add(LinkClaim claim)
    {
        if (!_byPod.TryGetValue(claim.Memory, out List<LinkClaim>? own)) _byPod[claim.Memory] = own = [];
        own.Add(claim);
    }

    public IReadOnlyList<LinkClaim> Of(PodMemory pod) => _byPod.GetValueOrDefault(pod, []);

    public Link? Of(PodMemory pod, IPAddress ip) => Of(pod).FirstOrDefault(claim => claim.Ip.Equals(ip))?.Link;

    /// <summary>Whether the pod's own addresses led to a link: they are one interface's, so one of them is enough.</summary>
    public bool ByOwn(PodMemory pod) => Of(pod).Any(claim => claim.IsOwn);

    /// <summary>
    /// The pod's addresses for which a link is wanting and may still be found. A further one may be that of a sibling, which is there
    /// already.
    /// </summary>
    public IEnumerable<IPAddress> Missing(PodMemory pod, SiblingLinks siblings)
    {
        if (!pod.HasAddresses) return [];
        IEnumerable<IPAddress> own = ByOwn(pod) || pod.IsHopeless ? [] : pod.Pod.Ips;
        return siblings.Of(pod).Any() ? own : own.Concat(pod.Pod.SecondaryIps.Where(ip => Of(pod, ip) is null && !pod.Reasons[ip].IsFinal));
    }
}
