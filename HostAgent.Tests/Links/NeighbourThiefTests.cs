using System.Net;
using System.Net.NetworkInformation;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Links;

/// <summary>A pod on a bridge says that another's address is at its own MAC, and the kernel believes it.</summary>
[TestFixture]
[Parallelizable]
internal sealed class NeighbourThiefTests
{
    [TestCase(false)]
    [TestCase(true)]
    public async Task Each_keeps_the_link_it_had_and_the_claim_is_a_warning(bool v6)
    {
        using var at = new MonitoredNode();
        PodNetwork victim = at.Node.AddBridged("victim"), thief = at.Node.AddBridged("thief");
        IPAddress stolen = Address(victim), own = Address(thief);
        (Pod, MirrorRule?)[] pods =
        [
            (MonitoredNode.Pod("victim", $"{stolen}"), MonitoredNode.Rule),
            (MonitoredNode.Pod("thief", $"{own}"), MonitoredNode.Rule),
        ];
        var matcher = new PodLinkMatcher(MonitoredNode.Lookups);
        Coverage coverage = null!;
        at.Node.Probe(victim);
        at.Node.Probe(thief);
        await Eventually.ThatAsync(
            () => (coverage = matcher.Match(pods, at.Snapshot).Coverage).Pods.All(pod => pod.State == PodState.Captured),
            "both are captured");

        // What the kernel has confirmed a moment ago it does not give up for ARP (neigh/default/locktime, a second by default); a thief
        // tries again.
        using (var injector = new FrameInjector(thief))
        {
            await Eventually.ThatAsync(() =>
            {
                injector.Send(v6 ? Advertisement(thief, stolen) : GratuitousArp(thief, stolen));
                return new NeighbourLookup().Find(stolen, at.Snapshot).Link?.Index == thief.HostIndex;
            }, "the kernel believes the thief");
        }

        coverage = matcher.Match(pods, at.Snapshot).Coverage;
        Assert.That(coverage.Pods.Select(pod => $"{pod.Pod.Name} {pod.Links.Single().Link.Name}"),
            Is.EqualTo([$"thief {thief.HostLink}", $"victim {victim.HostLink}"]));
        Assert.That(coverage.Warnings.Single(),
            Does.Contain($"{stolen} is behind {victim.HostLink}").And.Contain($"behind {thief.HostLink}"));

        IPAddress Address(PodNetwork pod) => v6 ? pod.Ipv6! : pod.Ipv4;
    }

    /// <summary>RFC 826, as an announcement: both protocol addresses are the one that is claimed.</summary>
    private static byte[] GratuitousArp(PodNetwork thief, IPAddress claimed) =>
        Broadcast(thief, 0x0806,
            [0, 1, 8, 0, 6, 4, 0, 2, .. Mac(thief), .. claimed.GetAddressBytes(), .. Mac(thief), .. claimed.GetAddressBytes()]);

    /// <summary>
    /// RFC 4861, 4.4: a neighbour advertisement to all nodes, unsolicited, with the override flag and the target's link-layer address.
    /// </summary>
    private static byte[] Advertisement(PodNetwork thief, IPAddress claimed)
    {
        const string All = "ff02::1";
        byte[] message = FrameBuilder.Icmp6(
            $"{claimed}", All, [136, 0, 0, 0, 0x20, 0, 0, 0, .. claimed.GetAddressBytes(), 2, 1, .. Mac(thief)]);
        byte[] packet = FrameBuilder.Ipv6($"{claimed}", All, 58, message);
        packet[7] = 255; // The hop limit; with another nobody believes it.
        return Broadcast(thief, 0x86DD, packet);
    }

    private static byte[] Broadcast(PodNetwork from, int type, byte[] content) =>
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. Mac(from), (byte)(type >> 8), (byte)type, .. content];

    private static byte[] Mac(PodNetwork pod) => PhysicalAddress.Parse(MirroredNode.MacOf(pod)).GetAddressBytes();
}
