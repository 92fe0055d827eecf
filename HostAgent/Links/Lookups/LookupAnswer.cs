namespace HostAgent.Links;

/// <summary>What a lookup says of an address.</summary>
/// <param name="Link">The link; null when the lookup has none.</param>
/// <param name="Reason">Why it has none, in words for an operator.</param>
/// <param name="IsFinal">True when the lookup knows that there is no link and will be none.</param>
public readonly record struct LookupAnswer(Link? Link, string? Reason, bool IsFinal = false)
{
    public static LookupAnswer Found(Link link) => new(link, null);

    public static LookupAnswer Impossible(string reason) => new(null, reason, true);

    public static LookupAnswer None(string reason) => new(null, reason);
}
