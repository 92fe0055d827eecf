using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Configuration;

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
    private long _round;

    /// <param name="pods">All pods of the node, each with the rule that selects it or null.</param>
    /// <param name="snapshot">The kernel's side.</param>
    /// <param name="sensorLinks">The ifindexes of the sensors' links: never captured, whatever the rules say.</param>
    public Coverage Match(IEnumerable<(Pod Pod, MirrorRule? Rule)> pods, LinkSnapshot snapshot, IReadOnlyCollection<int> sensorLinks)
    {
        (Pod Pod, MirrorRule? Rule)[] all =
            [.. pods.OrderBy(pod => pod.Pod.Namespace, StringComparer.Ordinal).ThenBy(pod => pod.Pod.Name, StringComparer.Ordinal)];
        Remember(all);
        var owners = new AddressOwners(_memories.Values);
        var warnings = new List<string>(owners.Conflicts());
        List<LinkClaim> claims = Claims(owners, snapshot, warnings, out TimeSpan? recheck);
        Dictionary<PodMemory, List<LinkClaim>> granted = Grant(claims, warnings);
        foreach (PodMemory pod in granted.Keys)
        {
            foreach (IPAddress ip in pod.Pod.SecondaryIps.Where(pod.Reasons.ContainsKey))
            {
                warnings.Add($"pod {pod.Name}: a further interface is not mirrored. {pod.Reasons[ip].Text}");
            }
        }

        ImmutableArray<PodCoverage> coverage =
            [.. all.Select(pod => Cover(pod.Pod, pod.Rule, granted.GetValueOrDefault(_memories[pod.Pod.Uid], []), sensorLinks))];
        (ImmutableArray<Link> unclaimed, ImmutableArray<IPAddress> sought) = Open(coverage, granted, snapshot, sensorLinks);
        return new Coverage(coverage, [.. warnings], unclaimed, sought, recheck);
    }

    private (ImmutableArray<Link> Unclaimed, ImmutableArray<IPAddress> Sought) Open(
        ImmutableArray<PodCoverage> coverage, Dictionary<PodMemory, List<LinkClaim>> granted, LinkSnapshot snapshot,
        IReadOnlyCollection<int> sensorLinks)
    {
        if (!coverage.Any(pod => pod.State == PodState.Pending && !pod.Pod.Ips.IsEmpty)) return ([], []);
        var claimed = granted.Values.SelectMany(claims => claims).Select(claim => claim.Link.Index).Concat(sensorLinks).ToHashSet();
        return (
            [.. snapshot.Links.Values.Where(link => !claimed.Contains(link.Index) && PodEnd.WhyNot(link, snapshot) is null)],
            [.. _memories.Values.Where(pod => pod.HasAddresses && !granted.ContainsKey(pod)).SelectMany(pod => pod.Ips).Distinct()]);
    }

    private void Remember((Pod Pod, MirrorRule? Rule)[] all)
    {
        _round++;
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
        if (!pod.Lost.TryGetValue(ip, out long since)) return null;
        if (pod.Pod.Terminating)
        {
            return $"it is terminating and its link has gone; {choice.Link!.Name}, where {ip} is now, is not taken for its own";
        }

        TimeSpan left = Settle - _clock.GetElapsedTime(since);
        if (left <= TimeSpan.Zero) return null;
        if (recheck is null || left < recheck) recheck = left;
        return $"its link has gone; {choice.Link!.Name}, where {ip} is now, is taken for its own if no other pod gets the address "
            + "within half a second";
    }

    private static Dictionary<PodMemory, List<LinkClaim>> Grant(List<LinkClaim> claims, List<string> warnings)
    {
        var granted = new Dictionary<PodMemory, List<LinkClaim>>();
        foreach (IGrouping<int, LinkClaim> contested in claims.GroupBy(claim => claim.Link.Index))
        {
            LinkClaim best = contested.MinBy(claim => claim.Rank)!;
            LinkClaim? rival = contested.Where(claim => claim.Memory != best.Memory).MinBy(claim => claim.Rank);
            bool tied = rival?.Rank == best.Rank;
            if (rival is not null)
            {
                warnings.Add(
                    $"pods {best.Memory.Name} ({best.Ip} by {LinkChoice.Name(best.Choice.FoundBy)}) and "
                    + $"{rival.Memory.Name} ({rival.Ip} by {LinkChoice.Name(rival.Choice.FoundBy)}) both seem to be behind {best.Link.Name}; "
                    + (tied ? "it is captured for neither" : $"it is taken for {best.Memory.Name}'s"));
            }

            foreach (LinkClaim claim in contested)
            {
                if (tied || claim.Memory != best.Memory)
                {
                    claim.Memory.Forget(ip => ip.Equals(claim.Ip));
                    string other = (claim.Memory == best.Memory ? rival! : best).Memory.Name;
                    claim.Memory.Reasons[claim.Ip] = ($"{claim.Ip} seems to be behind {claim.Link.Name}, which pod {other} claims too", false);
                    continue;
                }

                claim.Memory.Held[claim.Ip] = new HeldLink(claim.Link, claim.Choice.FoundBy, claim.Choice.Authoritative);
                claim.Memory.Lost.Remove(claim.Ip);
                if (!granted.TryGetValue(claim.Memory, out List<LinkClaim>? own)) granted[claim.Memory] = own = [];
                own.Add(claim);
            }
        }

        return granted;
    }

    private PodCoverage Cover(Pod pod, MirrorRule? rule, List<LinkClaim> links, IReadOnlyCollection<int> sensorLinks)
    {
        if (pod.Finished) return NotSelected($"it has finished ({pod.Phase}) and has no network any more");
        if (links.Find(claim => sensorLinks.Contains(claim.Link.Index)) is { } sensor)
        {
            return NotSelected($"its link {sensor.Link.Name} is the sensor's own, which is never mirrored");
        }

        if (rule is null) return NotSelected("no rule of the policy selects it");
        if (pod.HostNetwork)
        {
            return Without(
                PodState.Unsupported,
                "it is on the host network, so its traffic cannot be told from the node's own; only with hostNetwork: false can it be "
                + "mirrored");
        }

        PodMemory memory = _memories[pod.Uid];
        if (!memory.Ips.Any()) return Without(PodState.Pending, "it has no address yet");
        if (links.Count == 0)
        {
            (string Text, bool IsFinal)[] reasons = [.. memory.Ips.Distinct().Select(ip => memory.Reasons[ip])];
            return Without(
                Array.Exists(reasons, reason => reason.IsFinal) ? PodState.Unsupported : PodState.Pending,
                string.Join(". ", reasons.Select(reason => reason.Text)));
        }

        var matches = memory.Ips.SelectMany(ip => links.Where(claim => claim.Ip.Equals(ip))).DistinctBy(claim => claim.Link.Index)
            .Select(claim => new LinkMatch(claim.Link, claim.Ip, claim.Choice.FoundBy));
        return new PodCoverage(pod, rule, PodState.Captured, null, [.. matches]);

        PodCoverage NotSelected(string reason) => new(pod, null, PodState.NotSelected, reason, []);
        PodCoverage Without(PodState state, string reason) => new(pod, rule, state, reason, []);
    }
}
