namespace HostAgent.Links;

/// <summary>What a lookup says of an address: a link, or the reason why it has none, in words for an operator.</summary>
public readonly record struct LookupAnswer(Link? Link, string? Reason)
{
    public static LookupAnswer Found(Link link) => new(link, null);

    public static LookupAnswer None(string reason) => new(null, reason);
}
