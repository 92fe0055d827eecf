namespace HostAgent.Links;

/// <summary>
/// Further links into the network namespace of a pod whose own link was found, by the id that the kernel gives that namespace in both
/// links. It needs no address, so it finds the interfaces too that no API names, such as the one by which the AWS VPC CNI leads a pod's
/// other address family out.
/// </summary>
internal sealed class SiblingLinks
{
    private readonly ILookup<PodMemory, LinkMatch> _byPod;

    /// <param name="granted">Who has which link.</param>
    /// <param name="snapshot">The kernel's side.</param>
    public SiblingLinks(LinkGrants granted, LinkSnapshot snapshot)
    {
        var taken = granted.All.Select(claim => claim.Link.Index).ToHashSet();
        Dictionary<int, LinkClaim> owners = Owners(granted.All);
        _byPod = snapshot.Links.Values
            .Where(link => link.PeerNetns is { } netns && owners.ContainsKey(netns) && !taken.Contains(link.Index)
                && PodEnd.WhyNot(link, snapshot) is null)
            .OrderBy(link => link.Index)
            .Select(link => (Claim: owners[link.PeerNetns!.Value], Link: link))
            .ToLookup(found => found.Claim.Memory, found => new LinkMatch(found.Link, found.Claim.Ip, FoundBy.Sibling));
    }

    public IEnumerable<LinkMatch> All => _byPod.SelectMany(links => links);

    public IEnumerable<LinkMatch> Of(PodMemory pod) => _byPod[pod];

    /// <summary>
    /// Takes out the claims to links into a namespace that is another pod's: those by annotation, and those that a pod can bring about
    /// where the other's claim is one that none can.
    /// </summary>
    public static void Settle(List<LinkClaim> claims)
    {
        Dictionary<int, LinkClaim> owners = Owners(claims);
        claims.RemoveAll(claim =>
        {
            if (claim.Link.PeerNetns is not { } netns || !owners.TryGetValue(netns, out LinkClaim? owner) || owner.Memory == claim.Memory)
                return false;
            if (claim.IsOwn && (claim.Choice.Authoritative || !owner.Choice.Authoritative)) return false;
            claim.Memory.Refuse(claim.Ip, $"{claim.Ip} seems to be behind {claim.Link.Name}, which leads to pod {owner.Memory.Name}");
            return true;
        });
    }

    /// <summary>Of each namespace the pod whose own address leads there, where it is one; authoritative claims outweigh others.</summary>
    private static Dictionary<int, LinkClaim> Owners(IEnumerable<LinkClaim> claims) => claims
        .Where(claim => claim.IsOwn && claim.Link.PeerNetns is not null)
        .GroupBy(claim => claim.Link.PeerNetns!.Value)
        .Select(into => into.GroupBy(claim => claim.Choice.Authoritative).MaxBy(equal => equal.Key)!)
        .Where(into => into.DistinctBy(claim => claim.Memory).Count() == 1)
        .ToDictionary(into => into.First().Link.PeerNetns!.Value, into => into.First());
}
