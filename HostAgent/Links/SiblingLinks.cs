namespace HostAgent.Links;

/// <summary>
/// Further links into the network namespace of a pod whose own link was found, by the id that the kernel gives that namespace in both links. It
/// needs no address, so it finds the interfaces too that no API names, such as the one by which the AWS VPC CNI leads a pod's other address
/// family out.
/// </summary>
internal sealed class SiblingLinks
{
    private readonly ILookup<PodMemory, LinkMatch> _byPod;

    /// <param name="granted">Who has which link.</param>
    /// <param name="claims">What was claimed by any address is decided by the claims.</param>
    /// <param name="snapshot">The kernel's side.</param>
    public SiblingLinks(LinkGrants granted, IEnumerable<LinkClaim> claims, LinkSnapshot snapshot)
    {
        var claimed = claims.Select(claim => claim.Link.Index).ToHashSet();
        // Of a namespace with several pods nobody can tell whose its other links are.
        var first = granted.All.Where(claim => claim.IsOwn).GroupBy(claim => claim.Link.PeerNetns)
            .Where(into => into.Key is not null && into.DistinctBy(claim => claim.Memory).Count() == 1)
            .ToDictionary(into => into.Key!.Value, into => into.First());
        _byPod = snapshot.Links.Values
            .Where(link => link.PeerNetns is { } netns && first.ContainsKey(netns) && !claimed.Contains(link.Index) && PodEnd.WhyNot(link, snapshot) is null)
            .OrderBy(link => link.Index)
            .Select(link => (Claim: first[link.PeerNetns!.Value], Link: link))
            .ToLookup(found => found.Claim.Memory, found => new LinkMatch(found.Link, found.Claim.Ip, FoundBy.Sibling));
    }

    public IEnumerable<LinkMatch> Of(PodMemory pod) => _byPod[pod];
}
