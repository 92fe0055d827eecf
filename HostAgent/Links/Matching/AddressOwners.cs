using System.Net;

namespace HostAgent.Links;

/// <summary>
/// Whose each pod address is. Two pods can have one in the API for a moment, when it was given on before the first pod's record is gone:
/// then it belongs to the pod that is not terminating, and of two such to the one that was seen later, since the older record is the one
/// that is out of date. When both were there from the start nobody can tell, and neither has it: better no frame than a frame on the
/// wrong pod's account. All that is between addresses of one kind: what the API says (status.podIPs) is never contested by what an
/// annotation says, which whoever may edit a pod can write.
/// </summary>
internal sealed class AddressOwners
{
    private readonly Dictionary<IPAddress, (PodMemory Best, PodMemory? Rival, bool Tied)> _owners = [];

    public AddressOwners(IEnumerable<PodMemory> pods)
    {
        foreach (PodMemory pod in pods.Where(pod => pod.HasAddresses))
        {
            foreach (IPAddress ip in pod.Ips.Distinct())
            {
                bool known = _owners.TryGetValue(ip, out (PodMemory Best, PodMemory? Rival, bool Tied) now);
                if (!known || (pod.Owns(ip) && !now.Best.Owns(ip))) _owners[ip] = (pod, null, false);
                else if (!pod.Owns(ip) && now.Best.Owns(ip)) continue;
                else if (Rank(pod).CompareTo(Rank(now.Best)) > 0) _owners[ip] = (pod, now.Best, false);
                else _owners[ip] = (now.Best, pod, now.Tied || Rank(pod) == Rank(now.Best));
            }
        }
    }

    /// <summary>The pod whose own address it is, when the other has it only in its annotation; else null.</summary>
    public PodMemory? Before(IPAddress ip, PodMemory annotated) =>
        !annotated.Owns(ip) && _owners[ip].Best is { } best && best.Owns(ip) ? best : null;

    /// <summary>Null when the address is this pod's; else why not, as a sentence's end.</summary>
    public string? WhyNot(IPAddress ip, PodMemory pod)
    {
        (PodMemory best, PodMemory? rival, bool tied) = _owners[ip];
        if (tied) return $"also the address of pod {(best == pod ? rival! : best).Name}, and nothing tells which of the two has it";
        return best == pod ? null : $"now the address of pod {best.Name}";
    }

    /// <summary>The addresses that several pods have, each with a sentence.</summary>
    public IEnumerable<string> Conflicts() =>
        from owner in _owners
        where owner.Value.Rival is not null
        select $"pods {owner.Value.Best.Name} and {owner.Value.Rival!.Name} both have the address {owner.Key}; "
            + (owner.Value.Tied ? "neither gets a link by it" : $"it is taken for {owner.Value.Best.Name}'s");

    private static (bool, long) Rank(PodMemory pod) => (!pod.Pod.Terminating, pod.FirstSeen);
}
