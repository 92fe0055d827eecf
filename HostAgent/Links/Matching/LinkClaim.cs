using System.Net;

namespace HostAgent.Links;

/// <summary>A pod's claim to a link: the lookups say that its address is behind it.</summary>
internal sealed record LinkClaim(PodMemory Memory, IPAddress Ip, LinkChoice Choice)
{
    public Link Link => Choice.Link!;

    /// <summary>Whether the address is the pod's by the API, not by its annotation.</summary>
    public bool IsOwn => Memory.Owns(Ip);

    /// <summary>
    /// The lower, the better the claim: what pods cannot influence first, then who had the link already, then the stronger lookup. So a
    /// pod that spoofs another's address neither loses its own link nor gets another's. Among what pods cannot influence an address that
    /// only an annotation says comes last, held or not: a tenant may have written the address of a pod that had yet to come.
    /// </summary>
    public (bool, bool, bool, FoundBy) Rank =>
        (!Choice.Authoritative, Choice.Authoritative && !IsOwn, !Choice.Held, Choice.FoundBy);
}
