using System.Net;
using HostAgent.Cluster;

namespace HostAgent.PodMap;

/// <summary>
/// Whose each address is now. An address has one owner: a pod that has finished never has one, though it keeps its IP in the API. An
/// address that nobody has any more stays its last owner's for some minutes, since a sensor may ask about a packet late, unless another pod
/// is given it: then it is that one's from that moment.
/// </summary>
/// <remarks>It has no clock and asks nobody; one thread at a time.</remarks>
internal sealed class AddressBook
{
    /// <summary>How long an address stays with its last owner.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(5);

    private readonly Dictionary<IPAddress, AddressOwner> _owners = [];
    private readonly List<AddressOwner> _changes = [];

    /// <summary>By address; those whose <see cref="AddressOwner.Until"/> is set are kept only for the late.</summary>
    public IReadOnlyDictionary<IPAddress, AddressOwner> Owners => _owners;

    /// <summary>Whether an address is kept for the late, whose time runs out by itself.</summary>
    public bool HasDeparted => _owners.Values.Any(owner => owner.Until is not null);

    /// <summary>Takes up what an earlier process had written down as still so.</summary>
    public void Restore(IEnumerable<AddressOwner> owners)
    {
        foreach (AddressOwner owner in owners) _owners[owner.Ip] = owner;
    }

    /// <summary>Brings it in line with what is so now.</summary>
    /// <param name="pods">All that are known.</param>
    /// <param name="services">All that are known.</param>
    /// <param name="now">Not before the last call's.</param>
    /// <returns>What began (without <see cref="AddressOwner.Until"/>) and what ended (with it), endings first for each address.</returns>
    public IReadOnlyList<AddressOwner> Update(IEnumerable<Pod> pods, IEnumerable<Service> services, DateTimeOffset now)
    {
        _changes.Clear();
        var claims = new Dictionary<IPAddress, Pod>();
        var served = new HashSet<IPAddress>();
        foreach (Pod pod in pods)
        {
            // A pod on the host network has the node's address, as have others. A finished one has none.
            if (pod.HostNetwork || pod.Finished) continue;
            foreach (IPAddress ip in pod.Ips)
            {
                if (!claims.TryGetValue(ip, out Pod? other) || GoesBefore(pod, other)) claims[ip] = pod;
            }
        }

        foreach (Service service in services)
        {
            foreach (IPAddress ip in service.ClusterIps.Where(ip => !claims.ContainsKey(ip))) Take(OwnerOf(service, ip, now), now);
            served.UnionWith(service.ClusterIps);
        }

        foreach ((IPAddress ip, Pod pod) in claims) Take(OwnerOf(pod, ip, now), now);
        foreach (AddressOwner owner in _owners.Values.ToArray())
        {
            if (!claims.ContainsKey(owner.Ip) && !served.Contains(owner.Ip)) Leave(owner, now);
        }

        return [.. _changes];
    }

    /// <summary>
    /// Of two that claim one address: the pod that is on its way out gives way, then the one that was started earlier. The rest of the
    /// order only keeps the two from taking turns.
    /// </summary>
    private static bool GoesBefore(Pod pod, Pod other)
    {
        if (pod.Terminating != other.Terminating) return other.Terminating;
        int started = Nullable.Compare(pod.StartTime, other.StartTime);
        return started != 0 ? started > 0 : string.CompareOrdinal(pod.Uid, other.Uid) > 0;
    }

    private static AddressOwner OwnerOf(Service service, IPAddress ip, DateTimeOffset now) =>
        new(ip, AddressKind.Service, service.Namespace, service.Name, service.Uid, now) { Labels = service.Labels };

    private static AddressOwner OwnerOf(Pod pod, IPAddress ip, DateTimeOffset now) =>
        new(ip, AddressKind.Pod, pod.Namespace, pod.Name, pod.Uid, pod.StartTime is { } start && start < now ? start : now)
        {
            Node = pod.NodeName,
            NodeIp = pod.HostIp,
            Labels = pod.Labels,
        };

    private void Leave(AddressOwner owner, DateTimeOffset now)
    {
        if (owner.Until is { } until)
        {
            if (now - until >= Kept) _owners.Remove(owner.Ip);
            return;
        }

        _owners[owner.Ip] = owner with { Until = now };
        _changes.Add(_owners[owner.Ip]);
    }

    private void Take(AddressOwner claim, DateTimeOffset now)
    {
        if (!_owners.TryGetValue(claim.Ip, out AddressOwner? known))
        {
            Begin(claim);
        }
        else if (!known.IsSameOwner(claim))
        {
            if (known.Until is null) _changes.Add(known with { Until = now });
            // Whoever starts while the address is still another's has it only now.
            DateTimeOffset free = known.Until ?? now;
            Begin(claim.Since < free ? claim with { Since = free } : claim);
        }
        else if (known.Until is not null)
        {
            Begin(claim with { Since = now });
        }
        else
        {
            // Its labels may have changed.
            _owners[claim.Ip] = claim with { Since = known.Since };
        }
    }

    private void Begin(AddressOwner owner)
    {
        _owners[owner.Ip] = owner;
        _changes.Add(owner);
    }
}
