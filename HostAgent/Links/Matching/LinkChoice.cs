using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Links;

/// <summary>What all lookups together say of one address.</summary>
/// <param name="Link">The link as it is in the snapshot; null when no lookup named one.</param>
/// <param name="FoundBy">The strongest lookup that named it, now or earlier.</param>
/// <param name="Authoritative">Whether a lookup that pods cannot influence named it.</param>
/// <param name="Held">Whether it is the link from before.</param>
/// <param name="Tried">Why each lookup had no answer, for the operator.</param>
/// <param name="Disagreement">A sentence when the lookups (or now and earlier) name different links; else null.</param>
/// <param name="IsFinal">True when a lookup knows that there is no link and will be none.</param>
internal sealed record LinkChoice(
    Link? Link, FoundBy FoundBy, bool Authoritative, bool Held, string Tried, string? Disagreement, bool IsFinal = false)
{
    /// <summary>
    /// An authoritative answer is followed, strongest first. Else the link from before is kept while it lives: a bridge forgets a silent
    /// pod within minutes, and a spoofed frame must not move a pod's identity. Else the strongest of the other answers.
    /// </summary>
    public static LinkChoice Of(IPAddress address, HeldLink? held, ImmutableArray<ILinkLookup> lookups, LinkSnapshot snapshot)
    {
        if (held is not null) held = snapshot.Has(held.Link) ? held with { Link = snapshot.Links[held.Link.Index] } : null;
        var answers = new List<(ILinkLookup Lookup, Link Link)>(lookups.Length);
        var tried = new List<string>(lookups.Length);
        string? final = null;
        foreach (ILinkLookup lookup in lookups)
        {
            LookupAnswer answer = lookup.Find(address, snapshot);
            if (answer.Link is not null) answers.Add((lookup, answer.Link));
            else if (answer.IsFinal) final ??= answer.Reason;
            else tried.Add(answer.Reason!);
        }

        Link? chosen = answers.Find(answer => answer.Lookup.Authoritative).Link ?? held?.Link ?? answers.FirstOrDefault().Link;
        if (chosen is null)
        {
            return new LinkChoice(null, FoundBy.Learning, false, false, final ?? string.Join("; ", tried), null, final is not null);
        }


        bool kept = held?.Link.Index == chosen.Index;
        var naming = answers.Where(answer => answer.Link.Index == chosen.Index).Select(answer => answer.Lookup).ToList();
        FoundBy foundBy = naming.Select(lookup => lookup.FoundBy).Concat(kept ? [held!.FoundBy] : []).Min();
        bool authoritative = naming.Exists(lookup => lookup.Authoritative) || (kept && held!.Authoritative);
        (ILinkLookup Lookup, Link Link) other = answers.Find(answer => answer.Link.Index != chosen.Index);
        string? disagreement = other.Link is null
            ? null
            : $"{address} is behind {chosen.Name} by {foundBy.Name()}, but behind {other.Link.Name} by {other.Lookup.FoundBy.Name()}; "
                + $"{chosen.Name} is used";
        return new LinkChoice(chosen, foundBy, authoritative, kept, string.Join("; ", tried), disagreement);
    }
}
