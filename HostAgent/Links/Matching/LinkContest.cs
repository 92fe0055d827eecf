
namespace HostAgent.Links;

/// <summary>
/// Gives each link to the pod with the best claim to it. Where two are equally good nobody gets it: which is right cannot be told.
/// </summary>
internal static class LinkContest
{
    /// <param name="claims">All claims to all links; the pods' memories are brought in line with the outcome.</param>
    /// <param name="warnings">Gets a sentence for each link that several pods claim.</param>
    /// <returns>The claims that were granted.</returns>
    public static LinkGrants Decide(List<LinkClaim> claims, List<string> warnings)
    {
        var granted = new LinkGrants();
        foreach (IGrouping<int, LinkClaim> contested in claims.GroupBy(claim => claim.Link.Index))
        {
            LinkClaim best = contested.MinBy(claim => claim.Rank)!;
            LinkClaim? rival = contested.Where(claim => claim.Memory != best.Memory).MinBy(claim => claim.Rank);
            bool tied = rival?.Rank == best.Rank;
            if (rival is not null)
            {
                warnings.Add(
                    $"pods {best.Memory.Name} ({best.Ip} by {best.Choice.FoundBy.Name()}) and "
                    + $"{rival.Memory.Name} ({rival.Ip} by {rival.Choice.FoundBy.Name()}) both seem to be behind {best.Link.Name}; "
                    + (tied ? "it is captured for neither" : $"it is taken for {best.Memory.Name}'s"));
            }

            foreach (LinkClaim claim in contested)
            {
                if (tied || claim.Memory != best.Memory)
                {
                    string other = (claim.Memory == best.Memory ? rival! : best).Memory.Name;
                    claim.Memory.Refuse(claim.Ip, $"{claim.Ip} seems to be behind {claim.Link.Name}, which pod {other} claims too");
                    continue;
                }

                claim.Memory.Held[claim.Ip] = new HeldLink(claim.Link, claim.Choice.FoundBy, claim.Choice.Authoritative);
                claim.Memory.Lost.Remove(claim.Ip);
                claim.Memory.Disputed.Remove(claim.Ip);
                granted.Add(claim);
            }
        }

        return granted;
    }
}
