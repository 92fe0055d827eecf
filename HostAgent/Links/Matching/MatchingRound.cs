using System.Net;
using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Links;

/// <summary>
/// The outcome of one round of matching: what it means for each pod, and what the round knows of single addresses and links. Later rounds
/// do not change it.
/// </summary>
public sealed class MatchingRound
{
    private readonly Dictionary<(string Uid, IPAddress Ip), (Link? Link, string? Reason)> _links = [];
    private readonly ILookup<long, (Pod Pod, bool IsOwn)> _claimants;
    private readonly Func<Pod, MirrorRule, PodCoverage> _cover;

    internal MatchingRound(
        Coverage coverage, LinkSnapshot snapshot, IReadOnlyCollection<PodMemory> pods, AddressOwners owners, List<LinkClaim> claims,
        LinkGrants granted, SiblingLinks siblings)
    {
        (Coverage, Snapshot) = (coverage, snapshot);
        _cover = (asked, rule) => PodReport.Cover(pods.Single(pod => pod.Pod.Uid == asked.Uid), rule, granted, siblings);
        foreach (PodMemory pod in pods.Where(pod => pod.HasAddresses))
        {
            foreach (IPAddress ip in pod.Ips)
            {
                _links[(pod.Pod.Uid, ip)] = owners.WhyNot(ip, pod) is { } whyNot ? (null, $"{ip} is {whyNot}")
                    : granted.Of(pod, ip) is { } link ? (link, null)
                    : (null, pod.Reasons[ip].Text);
            }
        }

        _claimants = claims.Select(claim => (claim.Link, claim.Memory.Pod, claim.IsOwn))
            .Concat(pods.SelectMany(pod => siblings.Of(pod).Select(match => (match.Link, pod.Pod, IsOwn: true))))
            .ToLookup(claim => claim.Link.Generation, claim => (claim.Pod, claim.IsOwn));
    }

    public Coverage Coverage { get; }

    /// <summary>The kernel's side, as it was.</summary>
    public LinkSnapshot Snapshot { get; }

    /// <summary>
    /// The link that this pod got by this address, or why none. Stricter than what is captured: a pod may keep its link while another has
    /// its address already, but then it is not to be found there any more.
    /// </summary>
    public (Link? Link, string? Reason) LinkOf(Pod pod, IPAddress ip) =>
        _links.TryGetValue((pod.Uid, ip), out (Link?, string?) found)
            ? found
            : (null, $"pod {pod} was not known with {ip} when links were matched");

    /// <summary>What would be done about one of the round's pods if this rule selected it. To be asked before the next round.</summary>
    public PodCoverage CoverageBy(MirrorRule rule, Pod pod) => _cover(pod, rule);

    /// <summary>
    /// A pod that claimed the link, whether it got it or not; null when it may be that of a sensor with this address that is no pod. Claims
    /// by the annotation of a pod that has the address there do not count: it is the sensor's pod, or says nothing.
    /// </summary>
    public Pod? ClaimantOf(Link link, IPAddress sensor) =>
        _claimants[link.Generation].FirstOrDefault(claim => claim.IsOwn || !claim.Pod.SecondaryIps.Contains(sensor)).Pod;
}
