using HostAgent.Accounts;

namespace HostAgent.Links;

/// <summary>
/// Recognises links on which only frames from the pod are seen although its connections are answered: some plugins (Cilium's host
/// routing, Calico's eBPF data plane) deliver to the pod past the host's end. That nothing comes is not enough, since a pod may have
/// nobody to talk to: it must have acknowledged something that was not seen. Not thread-safe.
/// </summary>
public sealed class OneWayDetector
{
    /// <summary>So many acknowledging segments without one to the pod are no accident of a ring that overflowed.</summary>
    public const int Enough = 20;

    private readonly Dictionary<long, DirectionCounts> _since = [];

    /// <summary>Marks the matches of links that are one-way by now, and forgets links that are not asked about.</summary>
    /// <param name="coverage">As matched.</param>
    /// <param name="counts">What was captured on a link so far; null when nothing is known of it.</param>
    public Coverage Mark(Coverage coverage, Func<Link, DirectionCounts?> counts)
    {
        var present = coverage.Pods.SelectMany(pod => pod.Links).Select(match => match.Link.Generation).ToHashSet();
        foreach (long gone in _since.Keys.Where(generation => !present.Contains(generation)).ToList()) _since.Remove(gone);
        var warnings = new List<string>();
        var pods = coverage.Pods.Select(pod => pod with { Links = [.. pod.Links.Select(match => Marked(pod, match))] }).ToList();
        return warnings.Count == 0 ? coverage : coverage with { Pods = [.. pods], Warnings = [.. coverage.Warnings, .. warnings] };

        LinkMatch Marked(PodCoverage pod, LinkMatch match)
        {
            if (counts(match.Link) is not { } now || !IsOneWay(match.Link.Generation, now)) return match;
            warnings.Add(
                $"pod {pod.Pod.Namespace}/{pod.Pod.Name}: only frames from the pod are seen on {match.Link.Name}, "
                + "though its connections are answered; the network plugin delivers to the pod past this link");
            return match with { OneWay = true };
        }
    }

    /// <summary>Counted from the last segment to the pod, so that a link is two-way again as soon as one is seen.</summary>
    private bool IsOneWay(long generation, DirectionCounts now)
    {
        if (!_since.TryGetValue(generation, out DirectionCounts since)) _since[generation] = since = new DirectionCounts(0, 0);
        if (now.ToPod != since.ToPod || now.AnsweredFromPod < since.AnsweredFromPod)
        {
            _since[generation] = now;
            return false;
        }

        return now.AnsweredFromPod - since.AnsweredFromPod >= Enough;
    }
}
