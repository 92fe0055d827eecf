using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Links;

/// <summary>
/// Finds the link of every pod of the node, and says of every pod in which state it is. It remembers: a link once found stays the pod's
/// for as long as link, pod and address live, because some lookups (a bridge's forwarding database) forget a silent pod. It sees all pods
/// of the node, also those that no rule selects, since they too have addresses and links that must not be taken for another's. Not
/// thread-safe.
/// </summary>
/// <param name="lookups">Strongest first.</param>
/// <param name="clock">For <see cref="Settle"/>.</param>
public sealed class PodLinkMatcher(ImmutableArray<ILinkLookup> lookups, TimeProvider? clock = null)
{
    /// <summary>
    /// When a pod's link goes and another has its address, the pod may have got a new link, or may be gone and its address given on,
    /// which the API tells a moment later. So long is waited for that news before the new link is taken for the same pod's.
    /// </summary>
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Dictionary<string, PodMemory> _memories = [];
    private readonly Dictionary<long, PodMemory> _lastOwners = [];
    private long _round;

    /// <param name="pods">All pods of the node, each with the rule that selects it or null.</param>
    /// <param name="snapshot">The kernel's side.</param>
    /// <param name="isWanted">Which pods' links are wanted although no rule selects them.</param>
    public MatchingRound Match(IEnumerable<(Pod Pod, MirrorRule? Rule)> pods, LinkSnapshot snapshot, Predicate<Pod>? isWanted = null)
    {
        (Pod Pod, MirrorRule? Rule)[] all =
            [.. pods.OrderBy(pod => pod.Pod.Namespace, StringComparer.Ordinal).ThenBy(pod => pod.Pod.Name, StringComparer.Ordinal)];
        Remember(all, snapshot);
        var owners = new AddressOwners(_memories.Values);
        var warnings = new List<string>(owners.Conflicts());
        List<LinkClaim> claims = Claims(owners, snapshot, warnings, out TimeSpan? recheck);
        SiblingLinks.Settle(claims);
        LinkGrants granted = LinkContest.Decide(claims, warnings);
        // Not by an annotation: a pod that is made and deleted would leave behind that others' links were its own.
        foreach (LinkClaim claim in granted.All.Where(claim => claim.IsOwn)) _lastOwners[claim.Link.Generation] = claim.Memory;
        var siblings = new SiblingLinks(granted, snapshot);
        ImmutableArray<PodCoverage> coverage = [.. all.Select(pod => PodReport.Cover(_memories[pod.Pod.Uid], pod.Rule, granted, siblings))];
        (string Text, bool IsNote)[] notMirrored = [.. coverage.Where(pod => pod.State == PodState.Captured)
            .SelectMany(pod => PodReport.NotMirrored(_memories[pod.Pod.Uid], granted, siblings, owners))];
        warnings.AddRange(notMirrored.Where(said => !said.IsNote).Select(said => said.Text));
        (ImmutableArray<Link> unclaimed, ImmutableArray<IPAddress> sought) = Open(all, granted, siblings, snapshot, isWanted);
        return new MatchingRound(
            new Coverage(coverage, [.. warnings], unclaimed, sought, recheck)
            {
                Notes = [.. notMirrored.Where(said => said.IsNote).Select(said => said.Text)],
            },
            snapshot, _memories.Values, owners, claims, granted, siblings);
    }

    private (ImmutableArray<Link> Unclaimed, ImmutableArray<IPAddress> Sought) Open(
        (Pod Pod, MirrorRule? Rule)[] all, LinkGrants granted, SiblingLinks siblings, LinkSnapshot snapshot, Predicate<Pod>? isWanted)
    {
        var missing = all.SelectMany(pod => granted.Missing(_memories[pod.Pod.Uid], siblings)
            .Select(ip => (
                Ip: ip, IsOwn: pod.Pod.Ips.Contains(ip), IsWanted: pod.Rule is not null || isWanted?.Invoke(pod.Pod) == true))).ToList();
        if (!missing.Exists(address => address.IsWanted)) return ([], []);
        var claimed = granted.All.Select(claim => claim.Link.Index).Concat(siblings.All.Select(match => match.Link.Index)).ToHashSet();
        return (
            [.. snapshot.Links.Values.Where(link => !claimed.Contains(link.Index) && PodEnd.WhyNot(link, snapshot) is null)],
            [.. missing.OrderByDescending(address => address.IsOwn).ThenByDescending(address => address.IsWanted)
                .Select(address => address.Ip).Distinct()]);
    }

    private void Remember((Pod Pod, MirrorRule? Rule)[] all, LinkSnapshot snapshot)
    {
        _round++;
        var generations = snapshot.Links.Values.Select(link => link.Generation).ToHashSet();
        foreach (long gone in _lastOwners.Keys.Where(generation => !generations.Contains(generation)).ToList()) _lastOwners.Remove(gone);
        var present = all.Select(pod => pod.Pod.Uid).ToHashSet();
        foreach (string uid in _memories.Keys.Where(uid => !present.Contains(uid)).ToList()) _memories.Remove(uid);
        foreach ((Pod pod, _) in all)
        {
            if (!_memories.TryGetValue(pod.Uid, out PodMemory? memory)) _memories[pod.Uid] = memory = new PodMemory(pod, _round);
            memory.Pod = pod;
            memory.Reasons.Clear();
            var ips = memory.Ips.ToHashSet();
            memory.Forget(ip => !memory.HasAddresses || !ips.Contains(ip));
        }
    }

    private List<LinkClaim> Claims(AddressOwners owners, LinkSnapshot snapshot, List<string> warnings, out TimeSpan? recheck)
    {
        var claims = new List<LinkClaim>();
        recheck = null;
        foreach (PodMemory pod in _memories.Values.Where(pod => pod.HasAddresses))
        {
            foreach (IPAddress ip in pod.Ips.Distinct())
            {
                if (owners.Before(ip, pod) is { } owner)
                {
                    pod.Refuse(ip, $"{ip} is pod {owner.Name}'s own address", isFinal: true);
                    continue;
                }

                HeldLink? held = pod.Held.GetValueOrDefault(ip);
                if (held is not null && !snapshot.Has(held.Link))
                {
                    pod.Held.Remove(ip);
                    pod.Lost[ip] = _clock.GetTimestamp();
                    held = null;
                }

                LinkChoice choice = LinkChoice.Of(ip, held, lookups, snapshot);
                string? refused = choice.Link is null ? Tried(ip, choice, snapshot) : WhyNotNew(pod, ip, choice, owners, ref recheck);
                if (refused is not null)
                {
                    // What it had stays its own: only the new claim is refused.
                    if (choice.Link is not null && held is not null)
                    {
                        var kept = new LinkChoice(snapshot.Links[held.Link.Index], held.FoundBy, held.Authoritative, true, "", null);
                        claims.Add(new LinkClaim(pod, ip, kept));
                    }

                    pod.Reasons[ip] = (refused, choice.IsFinal);
                    continue;
                }

                if (choice.Disagreement is not null) warnings.Add($"pod {pod.Name}: {choice.Disagreement}");
                claims.Add(new LinkClaim(pod, ip, choice));
            }
        }

        return claims;
    }

    private static string Tried(IPAddress ip, LinkChoice choice, LinkSnapshot snapshot) =>
        snapshot.LocalAddresses.ContainsKey(ip) ? $"{ip} is an address of the host itself" : $"no link found for {ip}: {choice.Tried}";

    /// <summary>Why a link that the pod did not have before is not given to it; null when it is.</summary>
    private string? WhyNotNew(PodMemory pod, IPAddress ip, LinkChoice choice, AddressOwners owners, ref TimeSpan? recheck)
    {
        if (choice.Held) return null;
        if (owners.WhyNot(ip, pod) is { } whyNot) return $"{ip} is {whyNot}";
        string link = choice.Link!.Name;
        if (_lastOwners.TryGetValue(choice.Link.Generation, out PodMemory? last) && last != pod && !IsThere(last))
        {
            // The API can be ahead of the kernel's notifications: the address is the new pod's already, the link still that of the pod
            // before. Where that pod is still there the two claims are compared.
            if (!choice.Authoritative) return $"{ip} seems to be behind {link}, which was pod {last.Name}'s";
            pod.Disputed.TryAdd(ip, _clock.GetTimestamp());
        }
        else
        {
            pod.Disputed.Remove(ip);
        }

        bool lost = pod.Lost.TryGetValue(ip, out long since);
        if (!lost && !pod.Disputed.TryGetValue(ip, out since)) return null;
        if (lost && pod.Pod.Terminating)
            return $"it is terminating and its link has gone; {link}, where {ip} is now, is not taken for its own";
        TimeSpan left = Settle - _clock.GetElapsedTime(since);
        if (left <= TimeSpan.Zero) return null;
        if (recheck is null || left < recheck) recheck = left;
        return $"{ip} is behind {link} now, which is taken for this pod's if nothing else is heard within half a second";
    }

    private bool IsThere(PodMemory pod) => pod.HasAddresses && _memories.ContainsKey(pod.Pod.Uid);
}
