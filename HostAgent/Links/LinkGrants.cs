using System.Net;

namespace HostAgent.Links;

/// <summary>Which pod got which links in one round of matching, and by which of its addresses.</summary>
internal sealed class LinkGrants
{
    private readonly Dictionary<PodMemory, List<LinkClaim>> _byPod = [];

    public IEnumerable<LinkClaim> All => _byPod.Values.SelectMany(claims => claims);

    /// <summary>The pods that got any.</summary>
    public IReadOnlyCollection<PodMemory> Pods => _byPod.Keys;

    public void Add(LinkClaim claim)
    {
        if (!_byPod.TryGetValue(claim.Memory, out List<LinkClaim>? own)) _byPod[claim.Memory] = own = [];
        own.Add(claim);
    }

    public IReadOnlyList<LinkClaim> Of(PodMemory pod) => _byPod.GetValueOrDefault(pod, []);

    public Link? Of(PodMemory pod, IPAddress ip) => Of(pod).FirstOrDefault(claim => claim.Ip.Equals(ip))?.Link;
}
