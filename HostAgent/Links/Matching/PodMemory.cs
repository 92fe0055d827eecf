using System.Net;
using HostAgent.Cluster;

namespace HostAgent.Links;

/// <summary>What the matcher remembers of a pod, for as long as the pod is there.</summary>
internal sealed class PodMemory(Pod pod, long firstSeen)
{
    /// <summary>As it was last told.</summary>
    public Pod Pod { get; set; } = pod;

    /// <summary>The round in which the pod was first seen: of two pods with one address, the later is the one that has it now.</summary>
    public long FirstSeen { get; } = firstSeen;

    /// <summary>The links that were found, by address.</summary>
    public Dictionary<IPAddress, HeldLink> Held { get; } = [];

    /// <summary>Addresses whose link has gone while the pod has not, and when that was noticed (TimeProvider timestamp).</summary>
    public Dictionary<IPAddress, long> Lost { get; } = [];

    /// <summary>Addresses that lead to a link that was another pod's, and since when (TimeProvider timestamp).</summary>
    public Dictionary<IPAddress, long> Disputed { get; } = [];

    /// <summary>Why an address has no link, in words, and whether it will never have one.</summary>
    public Dictionary<IPAddress, (string Text, bool IsFinal)> Reasons { get; } = [];

    /// <summary>Whether the interface of its own addresses will never have a link.</summary>
    public bool IsHopeless => Pod.Ips.Any(ip => Reasons.TryGetValue(ip, out (string Text, bool IsFinal) reason) && reason.IsFinal);

    public IEnumerable<IPAddress> Ips => Pod.SecondaryIps.IsEmpty ? Pod.Ips : Pod.Ips.Concat(Pod.SecondaryIps);

    /// <summary>Whether the API says so; of the other addresses only the pod's annotation does.</summary>
    public bool Owns(IPAddress ip) => Pod.Ips.Contains(ip);

    public string Name => $"{Pod.Namespace}/{Pod.Name}";

    /// <summary>A pod on the host network has the node's addresses, a finished one an address that may be another's by now.</summary>
    public bool HasAddresses => !Pod.HostNetwork && !Pod.Finished;

    /// <summary>The address has no link, and none from before is kept for it.</summary>
    public void Refuse(IPAddress ip, string reason, bool isFinal = false)
    {
        Forget(held => held.Equals(ip));
        Reasons[ip] = (reason, isFinal);
    }

    public void Forget(Predicate<IPAddress> which)
    {
        foreach (IPAddress ip in Held.Keys.Concat(Lost.Keys).Concat(Disputed.Keys).Where(ip => which(ip)).ToList())
        {
            Held.Remove(ip);
            Lost.Remove(ip);
            Disputed.Remove(ip);
        }
    }
}
