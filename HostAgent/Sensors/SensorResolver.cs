using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;

namespace HostAgent.Sensors;

/// <summary>
/// Finds who receives the mirrored frames: sensors on this host, and only those. What is not known to be on this host is refused, since
/// the frames are other people's traffic; unless the policy permits it, and with it demands encryption. A sensor that is a pod is where the
/// round of matching says that this very pod is: asked anew, the lookups could name the link of a pod that has its address now, or that
/// spoofs it. Like the matcher it keeps a link once found for as long as it lives: a sniffing sensor is silent, and a bridge forgets the
/// silent. Not thread-safe.
/// </summary>
/// <param name="lookups">Strongest first; for a sensor that is no pod of the API.</param>
public sealed class SensorResolver(ImmutableArray<ILinkLookup> lookups)
{
    /// <summary>kube-proxy's IPVS mode puts every service address on this link, though none is served there.</summary>
    private const string ServiceAddressLink = "kube-ipvs0";

    private readonly NeighbourPrompt _prompt = new();
    private (IPAddress Address, HeldLink Link)? _held;

    /// <summary>Must be called on a thread of the host's network namespace: it asks the kernel for the source address.</summary>
    /// <param name="policy">Whom to look for.</param>
    /// <param name="pods">All pods of this node.</param>
    /// <param name="round">The round in which these pods were matched.</param>
    public SensorStatus Resolve(SensorPolicy policy, IEnumerable<Pod> pods, MatchingRound round)
    {
        (IPAddress Address, HeldLink Link)? held = _held;
        _held = null;
        if (policy.Address is not { } address) return BySelector(policy, pods, round);
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return ByAddress(address, policy, pods, round, held?.Address.Equals(address) == true ? held.Value.Link : null);
    }

    private SensorStatus ByAddress(IPAddress address, SensorPolicy policy, IEnumerable<Pod> pods, MatchingRound round, HeldLink? held)
    {
        (SensorEndpoint? endpoint, string? reason) = Endpoint(
            address, Behind(address, pods, round, held), policy, round.Snapshot);
        return endpoint is not null
            ? new SensorStatus(SensorState.Ready, policy.Reads, [endpoint], null)
            : new SensorStatus(SensorState.Refused, policy.Reads, [],
                policy.OffHost is not null
                    ? $"nothing is sent to the sensor address {address}: {reason}"
                    : $"the sensor address {address} is not known to be on this host ({reason}): nothing is sent to it; give an address of "
                        + "this host or of a pod on it, select the sensor by its labels, or permit another host by sensor.offHost");
    }

    private SensorStatus BySelector(SensorPolicy policy, IEnumerable<Pod> pods, MatchingRound round)
    {
        var endpoints = new List<SensorEndpoint>();
        var reasons = new List<string>();
        var sought = new List<IPAddress>();
        bool refused = false;
        foreach (Pod pod in pods.Where(pod => Selects(policy, pod)).OrderBy(pod => pod.Uid, StringComparer.Ordinal))
        {
            string name = $"{pod.Namespace}/{pod.Name}";
            string? waiting = pod switch
            {
                { Finished: true } => $"has finished ({pod.Phase})",
                { Terminating: true } => "is terminating",
                { Ready: false } => "is not ready",
                { Ips.IsEmpty: true } => "has no address yet",
                _ => null,
            };
            if (waiting is not null)
            {
                reasons.Add($"sensor pod {name} {waiting}");
                continue;
            }

            // One address is enough: a second of the same pod would be the same sensor twice, and flows are shared among the sensors.
            var tried = new List<string>();
            SensorEndpoint? endpoint = null;
            foreach (IPAddress ip in pod.Ips)
            {
                (endpoint, string? reason) = Endpoint(
                    ip, pod.HostNetwork ? OnHost(ip, round.Snapshot) : round.LinkOf(pod, ip), policy, round.Snapshot);
                if (endpoint is not null) break;
                sought.Add(ip);
                tried.Add(reason!);
            }

            if (endpoint is null)
            {
                refused = true;
                reasons.Add($"sensor pod {name} is ready, but has no link on this host ({string.Join("; ", tried)})");
            }
            else if (!endpoints.Exists(other => other.Address.Equals(endpoint.Address)))
            {
                endpoints.Add(endpoint);
            }
        }

        _prompt.Ask(sought);
        string? why = reasons.Count > 0 ? string.Join(". ", reasons) : null;
        if (endpoints.Count > 0)
        {
            ImmutableArray<SensorEndpoint> ordered = [.. endpoints.OrderBy(endpoint => endpoint.Address, AddressOrder.Comparer)];
            return new SensorStatus(SensorState.Ready, policy.Reads, ordered, why);
        }

        why ??= $"no pod of this node in namespace {string.Join(", ", policy.Namespaces)} matches the sensor's selector";
        return new SensorStatus(refused ? SensorState.Refused : SensorState.Missing, policy.Reads, [], why);
    }

    private static bool Selects(SensorPolicy policy, Pod pod) =>
        policy.Selector is { } selector && policy.Namespaces.Contains(pod.Namespace) && selector.Matches(pod.Labels);

    private static (SensorEndpoint? Endpoint, string? Reason) Endpoint(
        IPAddress address, (Link? Link, string? Reason) found, SensorPolicy policy, LinkSnapshot snapshot)
    {
        if (found.Link is null) return policy.OffHost is null ? (null, found.Reason) : Elsewhere(address, policy, snapshot);
        IPAddress? source = Source(address, policy.Port) ?? (policy.Reads == SensorReads.Sniff ? AnyLocal(address, snapshot) : null);
        return source is null
            ? (null, $"the host has no route to {address}, nor an address of its own to send from")
            : (new SensorEndpoint(address, policy.Port, found.Link, source), null);
    }

    /// <summary>A sensor on another host, and the link over which the host reaches it, as far as that is known.</summary>
    private static (SensorEndpoint? Endpoint, string? Reason) Elsewhere(IPAddress address, SensorPolicy policy, LinkSnapshot snapshot)
    {
        if (Source(address, policy.Port) is not { } source) return (null, $"the host has no route to {address}");
        // Never a pod's link, which would then count as the sensor's: the gateway address of ptp is on all of them.
        int uplink = snapshot.LocalAddresses.GetValueOrDefault(source, []).FirstOrDefault(snapshot.Uplinks.Contains);
        return (snapshot.Links.GetValueOrDefault(uplink) ?? snapshot.Loopback) is { } link
            ? (new SensorEndpoint(address, policy.Port, link, source), null)
            : (null, "the host's loopback link is down");
    }

    /// <summary>What is known of an address that the policy gives without saying whose it is.</summary>
    private (Link? Link, string? Reason) Behind(IPAddress address, IEnumerable<Pod> pods, MatchingRound round, HeldLink? held)
    {
        if (IPAddress.IsLoopback(address) || round.Snapshot.LocalAddresses.ContainsKey(address)) return OnHost(address, round.Snapshot);
        // Annotations do not count here: whoever wrote the sensor's address into one would get the frames.
        Pod[] pod = [.. pods.Where(pod => !pod.HostNetwork && !pod.Finished && pod.Ips.Contains(address)).OrderBy(pod => pod.Terminating)];
        if (pod.Length > 1 && pod[0].Terminating == pod[1].Terminating) return (null, $"pods {pod[0]} and {pod[1]} both have it");
        return pod.Length > 0 ? round.LinkOf(pod[0], address) : OfNoPod(address, round, held);
    }

    private (Link? Link, string? Reason) OfNoPod(IPAddress address, MatchingRound round, HeldLink? held)
    {
        LinkChoice choice = LinkChoice.Of(address, held, lookups, round.Snapshot);
        if (choice.Link is not { } link) return (null, choice.Tried);
        if (round.ClaimantOf(link, address) is { } pod) return (null, $"it seems to be behind {link.Name}, which is pod {pod}'s");
        _held = (address, new HeldLink(link, choice.FoundBy, choice.Authoritative));
        return (link, null);
    }

    private static (Link? Link, string? Reason) OnHost(IPAddress address, LinkSnapshot snapshot)
    {
        ImmutableArray<int> owners = snapshot.LocalAddresses.GetValueOrDefault(address, []);
        if (!owners.IsEmpty && owners.All(owner => snapshot.Links.GetValueOrDefault(owner)?.Name == ServiceAddressLink))
        {
            return (null, $"it is a service address, which kube-proxy's {ServiceAddressLink} forwards to pods that can be on any host");
        }

        return snapshot.Loopback is { Up: true } loopback ? (loopback, null) : (null, "the host's loopback link is down");
    }

    /// <summary>The address that the host itself would send from: connecting a UDP socket sends nothing, but chooses it.</summary>
    private static IPAddress? Source(IPAddress address, ushort port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(new IPEndPoint(address, port));
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>To a sensor that sniffs, datagrams go without a route; then any address of the host says where they are from.</summary>
    private static IPAddress? AnyLocal(IPAddress address, LinkSnapshot snapshot) =>
        snapshot.LocalAddresses.Keys
            .Where(local => local.AddressFamily == address.AddressFamily && !IPAddress.IsLoopback(local) && !local.IsIPv6LinkLocal)
            .Order(AddressOrder.Comparer).FirstOrDefault();
}
