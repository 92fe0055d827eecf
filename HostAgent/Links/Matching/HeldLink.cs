namespace HostAgent.Links;

/// <summary>A link that an address was found behind, at some earlier moment.</summary>
internal sealed record HeldLink(Link Link, FoundBy FoundBy, bool Authoritative);
