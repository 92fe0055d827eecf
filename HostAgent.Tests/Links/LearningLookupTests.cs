using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

[Parallelizable]
public sealed class LearningLookupTests
{
    private static readonly byte[] Mac = [2, 0, 0, 0, 0, 9];

    private MonitoredNode _at = null!;
    private LearningLookup _lookup = null!;
    private PodLinkMatcher _matcher = null!;
    private LogLines<LearningLookup> _log = null!;

    [SetUp]
    public void SetUp()
    {
        _at = new MonitoredNode();
        _log = new LogLines<LearningLookup>();
        _lookup = _at.Node.Namespace.Run(() => new LearningLookup(_log));
        _matcher = new PodLinkMatcher([new RouteLookup(), _lookup]);
    }

    [TearDown]
    public void TearDown()
    {
        _lookup.Dispose();
        _at.Dispose();
    }

    [TestCase("arp")]
    [TestCase("ipv4")]
    [TestCase("ipv6")]
    [TestCase("solicitation")]
    [TestCase("advertisement")]
    public async Task Any_frame_of_the_pod_that_names_its_address_tells(string kind)
    {
        PodNetwork net = _at.Node.AddBridged("web"), other = _at.Node.AddBridged("other");
        bool six = kind is not ("arp" or "ipv4");
        // Addresses that the pods do not have themselves, so that only the test's frames name them.
        var ip = IPAddress.Parse(six ? "fd77::5:9" : "10.77.0.9");
        byte[] frame = kind switch
        {
            "arp" => Arp(ip),
            "ipv4" => Ipv4(ip),
            "ipv6" => Ipv6(ip, 17),
            "solicitation" => Ipv6(IPAddress.IPv6Any, 58, 135, ip),
            _ => Ipv6(IPAddress.Parse("fe80::1"), 58, 136, ip),
        };
        Pod pod = MonitoredNode.Pod("web", ip.ToString());
        await _at.UntilAsync("both links are there",
            links => links.Links.ContainsKey(net.HostIndex) && links.Links.ContainsKey(other.HostIndex));
        await FoundAsync(net, frame, pod);
        Assert.That(Cover(pod).Pods[0].Links.Single(), Is.EqualTo(new LinkMatch(_at.Snapshot.Links[net.HostIndex], ip, FoundBy.Learning)));

        // Found once, it is kept, and nothing is watched any more.
        Coverage after = Cover(pod);
        Assert.That(after.Unclaimed, Is.Empty);
        Assert.That(after.Sought, Is.Empty);
    }

    [Test]
    public async Task A_frame_to_the_pod_tells_nothing()
    {
        PodNetwork net = _at.Node.AddBridged("web"), other = _at.Node.AddBridged("other");
        var ip = IPAddress.Parse("10.77.0.9");
        Pod pod = MonitoredNode.Pod("web", ip.ToString());
        await _at.UntilAsync("both links are there",
            links => links.Links.ContainsKey(net.HostIndex) && links.Links.ContainsKey(other.HostIndex));
        // Sent by one pod it is flooded to the other, on whose link it is a frame to the pod.
        await FoundAsync(net, Arp(ip), pod);
        Assert.That(Cover(pod).Pods[0].Links.Single().Link.Index, Is.EqualTo(net.HostIndex));
    }

    [Test]
    public async Task An_address_from_two_links_is_nobodys_until_one_is_known_to_be_another_pods()
    {
        PodNetwork net = _at.Node.AddBridged("victim"), thief = _at.Node.AddBridged("thief");
        Pod victimPod = MonitoredNode.Pod("victim", "10.77.0.9"), thiefPod = MonitoredNode.Pod("thief", "10.77.0.10");
        await _at.UntilAsync("both links are there",
            links => links.Links.ContainsKey(net.HostIndex) && links.Links.ContainsKey(thief.HostIndex));
        using Socket fromVictim = Sender(net), fromThief = Sender(thief);

        Coverage coverage = Coverage.Empty;
        await Eventually.ThatAsync(() =>
        {
            coverage = Cover(victimPod);
            fromThief.Send(Arp(victimPod.Ips[0]));
            fromVictim.Send(Arp(victimPod.Ips[0]));
            return coverage.Pods[0].Reason is { } reason && reason.Contains("several links", StringComparison.Ordinal);
        }, "the contradiction is seen");
        Assert.That(coverage.Pods[0].State, Is.EqualTo(PodState.Pending));

        await Eventually.ThatAsync(() =>
        {
            coverage = Cover(victimPod, thiefPod);
            fromThief.Send(Arp(thiefPod.Ips[0]));
            fromThief.Send(Arp(victimPod.Ips[0]));
            return coverage.Pods.All(pod => pod.State == PodState.Captured);
        }, "each has its own");
        Assert.That(coverage.Pods.Select(pod => pod.Links.Single().Link.Index), Is.EqualTo([thief.HostIndex, net.HostIndex]));
    }

    [Test]
    public async Task A_link_that_is_a_pods_by_a_stronger_lookup_is_not_listened_to()
    {
        PodNetwork routed = _at.Node.AddRouted("thief"), net = _at.Node.AddBridged("victim");
        Pod thiefPod = MonitoredNode.Pod("thief", routed.Ipv4.ToString()), victimPod = MonitoredNode.Pod("victim", "10.77.0.9");
        await _at.UntilAsync("both are there",
            links => links.HostRoutes.ContainsKey(routed.Ipv4) && links.Links.ContainsKey(net.HostIndex));
        Coverage coverage = Cover(thiefPod, victimPod);
        Assert.That(coverage.Unclaimed.Select(link => link.Index), Is.EqualTo([net.HostIndex]));
        using Socket fromThief = Sender(routed), fromVictim = Sender(net);
        await Eventually.ThatAsync(() =>
        {
            fromThief.Send(Arp(victimPod.Ips[0]));
            fromVictim.Send(Ipv4(victimPod.Ips[0]));
            coverage = Cover(thiefPod, victimPod);
            return coverage.Pods[1].State == PodState.Captured;
        }, "the victim is found");
        Assert.That(coverage.Pods[1].Links.Single().Link.Index, Is.EqualTo(net.HostIndex));
        Assert.That(coverage.Warnings, Is.Empty);
    }

    [TestCase(1, 250, Description = "one filter, as large as it gets")]
    [TestCase(3, 120, Description = "one after another")]
    public async Task Where_the_kernel_has_little_room_for_filters_pods_are_found_all_the_same(int rounds, int addresses)
    {
        // As kernels before 6.8 have it; there it is the whole machine's, and is left as it is.
        _at.Node.Namespace.Run(() =>
        {
            if (File.Exists("/proc/sys/net/core/optmem_max")) File.WriteAllText("/proc/sys/net/core/optmem_max", "20480");
            return true;
        });
        PodNetwork net = _at.Node.AddBridged("web");
        await _at.UntilAsync("the link is there", links => links.Links.ContainsKey(net.HostIndex));
        using Socket sender = Sender(net);
        for (byte round = 1; round <= rounds; round++)
        {
            // Above 127.255.255.255 each comparison takes the kernel an instruction more.
            ImmutableArray<IPAddress> sought = [.. Enumerable.Range(1, addresses).Select(i => new IPAddress([200, 0, round, (byte)i]))];
            _lookup.Watch([_at.Snapshot.Links[net.HostIndex]], sought);
            await Eventually.ThatAsync(() =>
            {
                sender.Send(Ipv4(sought[0]));
                return _lookup.Find(sought[0], _at.Snapshot).Link is not null;
            }, $"{sought[0]} is found");
            Assert.That(_lookup.Problem, Is.Null);
        }
    }

    [Test]
    public async Task The_own_interface_of_a_pod_that_is_captured_by_a_further_one_is_learned_too()
    {
        PodNetwork net = _at.Node.AddBridged("web"), further = _at.Node.AddRouted("further");
        Pod pod = MonitoredNode.Pod("web", "10.77.0.9") with { SecondaryIps = [further.Ipv4] };
        await _at.UntilAsync("both are there",
            links => links.HostRoutes.ContainsKey(further.Ipv4) && links.Links.ContainsKey(net.HostIndex));
        Assert.That(Cover(pod).Pods[0].Links.Single().Link.Index, Is.EqualTo(further.HostIndex));
        using Socket sender = Sender(net);
        await Eventually.ThatAsync(() =>
        {
            sender.Send(Arp(pod.Ips[0]));
            return Cover(pod).Pods[0].Links.Length == 2;
        }, "both are found");
        Coverage coverage = Cover(pod);
        Assert.That(coverage.Pods[0].Links[0].Link.Index, Is.EqualTo(net.HostIndex));
        Assert.That(coverage.Warnings, Is.Empty);
    }

    [Test]
    public async Task A_sensor_pod_is_learned_while_all_pods_in_scope_have_their_links()
    {
        PodNetwork zeek = _at.Node.AddBridged("zeek");
        Pod sensor = MonitoredNode.Pod("zeek", "10.77.0.9");
        await _at.UntilAsync("its link is there", links => links.Links.ContainsKey(zeek.HostIndex));
        using Socket sender = Sender(zeek);
        await Eventually.ThatAsync(() =>
        {
            sender.Send(Arp(sensor.Ips[0]));
            MatchingRound round = _matcher.Match([(sensor, null)], _at.Snapshot, pod => pod == sensor);
            _lookup.Watch(round.Coverage.Unclaimed, round.Coverage.Sought);
            return round.LinkOf(sensor, sensor.Ips[0]).Link?.Index == zeek.HostIndex;
        }, "it is found");
    }

    [Test]
    public async Task What_befalls_its_thread_is_logged_with_the_stack_and_does_not_end_it()
    {
        PodNetwork net = _at.Node.AddBridged("web");
        await _at.UntilAsync("its link is there", links => links.Links.ContainsKey(net.HostIndex));
        _lookup.Changed += () => throw new InvalidOperationException("the subscriber is broken");
        using Socket sender = Sender(net);
        for (byte i = 1; i <= 2; i++)
        {
            var address = new IPAddress([10, 77, 0, i]);
            _lookup.Watch([_at.Snapshot.Links[net.HostIndex]], [address]);
            await Eventually.ThatAsync(() =>
            {
                sender.Send(Ipv4(address));
                return _lookup.Find(address, _at.Snapshot).Link is not null && (i > 1 || _lookup.Problem is not null);
            }, "it is found");
        }

        Assert.That(_log.All.First().Text, Is.EqualTo("Recognising pods by their traffic failed; it is tried again"));
        Assert.That(_log.Faults.First().StackTrace,
            Does.Contain(nameof(What_befalls_its_thread_is_logged_with_the_stack_and_does_not_end_it)));
        Assert.That(_log.All, Has.Count.EqualTo(1), "the second time is within the same ten seconds");
    }

    [Test]
    public void What_is_no_frame_has_no_source()
    {
        var random = new Random(1);
        byte[][] good = [Arp(IPAddress.Loopback), Ipv4(IPAddress.Loopback), Ipv6(IPAddress.IPv6Any, 58, 135, IPAddress.IPv6Loopback)];
        foreach (byte[] frame in good)
        {
            Assert.That(SourceAddress.Of(frame), Is.Not.Null);
            for (int length = 0; length < frame.Length; length++) Assert.DoesNotThrow(() => SourceAddress.Of(frame.AsSpan(0, length)));
            Assert.That(SourceAddress.Of(frame.AsSpan(0, 25)), Is.Null);
        }

        byte[] noise = new byte[60];
        for (int i = 0; i < 10000; i++)
        {
            random.NextBytes(noise);
            Assert.DoesNotThrow(() => SourceAddress.Of(noise));
        }
    }

    private static byte[] Arp(IPAddress sender) =>
    [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, .. Mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, .. Mac, .. sender.GetAddressBytes(),
        0, 0, 0, 0, 0, 0, 10, 77, 0, 1,
    ];

    private static byte[] Ipv4(IPAddress source) =>
    [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, .. Mac, 8, 0,
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, .. source.GetAddressBytes(), 10, 77, 0, 1, 0, 9, 0, 9, 0, 8, 0, 0,
    ];

    private static byte[] Ipv6(IPAddress source, byte next, byte type = 0, IPAddress? target = null) =>
    [
        0x33, 0x33, 0, 0, 0, 1, .. Mac, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, next, 255, .. source.GetAddressBytes(),
        .. IPAddress.Parse("ff02::1").GetAddressBytes(), type, 0, 0, 0, 0, 0, 0, 0, .. (target ?? IPAddress.IPv6Loopback).GetAddressBytes(),
    ];

    private static Socket Sender(PodNetwork net) => net.Namespace.Run(() => PacketSocket.Open(PodNetwork.Link, receive: false));

    private async Task FoundAsync(PodNetwork net, byte[] frame, Pod pod)
    {
        using Socket sender = Sender(net);
        await Eventually.ThatAsync(() =>
        {
            Coverage coverage = Cover(pod);
            if (coverage.Pods[0].State == PodState.Captured) return true;
            sender.Send(frame);
            return false;
        }, $"{pod.Name} is found");
    }

    private Coverage Cover(params Pod[] pods)
    {
        Coverage coverage = _matcher.Match([.. pods.Select(pod => (pod, MonitoredNode.Rule))], _at.Snapshot).Coverage;
        _lookup.Watch(coverage.Unclaimed, coverage.Sought);
        return coverage;
    }
}
