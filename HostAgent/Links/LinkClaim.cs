using System.Net;

namespace HostAgent.Links;

/// <summary>A pod's claim to a link: the lookups say that its address is behind it.</summary>
internal sealed record LinkClaim(PodMemory Memory, IPAddress Ip, LinkChoice Choice)
{
    public Link Link => Choice.Link!;

    /// <summary>
    /// The lower, the better the claim: what pods cannot influence first, then who had the link already, then the stronger lookup. So a
    /// pod that spoofs another's address neither loses its own link nor gets another's.
    /// </summary>
    public (bool, bool, FoundBy) Rank => (!Choice.Authoritative, !Choice.Held, Choice.FoundBy);
}
