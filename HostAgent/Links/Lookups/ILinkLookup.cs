using System.Net;

namespace HostAgent.Links;

/// <summary>
/// One way of finding the link behind an address. Lookups are asked in the order of <see cref="Links.FoundBy"/>, strongest first.
/// </summary>
public interface ILinkLookup
{
    FoundBy FoundBy { get; }

    /// <summary>
    /// True when no pod can influence the answer with frames that it sends. Such an answer is followed when it changes; another is
    /// believed once, and then kept for as long as the link lives.
    /// </summary>
    bool Authoritative { get; }

    /// <summary>Never blocks: it answers from the snapshot and from what it knows already.</summary>
    LookupAnswer Find(IPAddress address, LinkSnapshot snapshot);
}
