using System.Diagnostics;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Links;

public sealed class LinkMonitorTests
{
    [Test]
    public void The_first_snapshot_is_complete_and_agrees_with_ip()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("api", mtu: 1400);
        using LinkMonitor monitor = node.Namespace.Run(() => new LinkMonitor(NullLogger<LinkMonitor>.Instance));
        Link link = monitor.Current.Links[pod.HostIndex];
        string mac = node.Namespace.Exec("cat", $"/sys/class/net/{pod.HostLink}/address").Trim();
        Assert.Multiple(() =>
        {
            Assert.That(link.Name, Is.EqualTo(pod.HostLink));
            Assert.That(link.Kind, Is.EqualTo("veth"));
            Assert.That(link.Mtu, Is.EqualTo(1400));
            Assert.That(string.Join(':', link.Mac.GetAddressBytes().Select(part => part.ToString("x2"))), Is.EqualTo(mac));
            Assert.That(link.Up, Is.True);
            Assert.That(link.PeerNetns, Is.Not.Null);
            Assert.That(monitor.Current.Loopback?.Name, Is.EqualTo("lo"));
            Assert.That(monitor.Current.Links, Has.Count.EqualTo(3), "lo, eth0 and the pod's");
            Assert.That(monitor.Current.HostRoutes[pod.Ipv4].Single().Link, Is.EqualTo(pod.HostIndex));
            Assert.That(monitor.Current.LocalAddresses[NodeNetwork.Address], Has.Length.EqualTo(1));
            Assert.That(monitor.Current.Uplinks.Single(), Is.EqualTo(monitor.Current.Links.Values.Single(at => at.Name == "eth0").Index));
        });
        if (pod.Ipv6 is not null) Assert.That(monitor.Current.HostRoutes[pod.Ipv6].Single().Link, Is.EqualTo(pod.HostIndex));
    }

    [Test]
    public async Task A_rename_keeps_the_generation_and_a_new_link_with_the_same_ifindex_has_another()
    {
        using var at = new MonitoredNode();
        NetworkNamespace host = at.Node.Namespace;
        host.Ip("link add one index 77 type veth peer name other");
        await at.UntilAsync("the link is there", links => links.Links.ContainsKey(77));
        Link first = at.Snapshot.Links[77];

        host.Ip("link set one name renamed");
        await at.UntilAsync("the link is renamed", links => links.Links[77].Name == "renamed");
        Assert.That(at.Snapshot.Links[77].Generation, Is.EqualTo(first.Generation));
        Assert.That(at.Snapshot.Has(first), Is.True);

        // In one batch, so that both fall into one publication.
        host.IpBatch("link del renamed", "link add one index 77 type veth peer name other");
        await at.UntilAsync("another link has the ifindex", links => links.Links.TryGetValue(77, out Link? link) && link.Name == "one");
        Assert.That(at.Snapshot.Links[77].Generation, Is.Not.EqualTo(first.Generation));
        Assert.That(at.Snapshot.Has(first), Is.False);
    }

    [Test]
    public async Task A_link_taken_from_its_bridge_is_not_gone()
    {
        using var at = new MonitoredNode();
        PodNetwork pod = at.Node.AddBridged("web");
        await at.UntilAsync("the port has its bridge", links => links.Links.TryGetValue(pod.HostIndex, out Link? link) && link.Master != 0);
        at.Node.Namespace.Ip($"link set {pod.HostLink} nomaster");
        await at.UntilAsync("the port has left its bridge",
            links => links.Links.TryGetValue(pod.HostIndex, out Link? link) && link.Master == 0);
        await at.UntilAsync("and lives", links => links.Links.ContainsKey(pod.HostIndex));
    }

    [Test]
    public async Task Routes_that_the_kernel_drops_in_silence_are_gone_from_the_snapshot()
    {
        using var at = new MonitoredNode();
        PodNetwork pod = at.Node.AddRouted("api");
        await at.UntilAsync("the route is there", links => links.HostRoutes.ContainsKey(pod.Ipv4));
        // No RTM_DELROUTE is sent for IPv4 routes of a link that goes down.
        at.Node.Namespace.Ip($"link set {pod.HostLink} down");
        await at.UntilAsync("the route is gone", links => !links.HostRoutes.ContainsKey(pod.Ipv4));
    }

    [Test]
    public async Task A_burst_of_links_makes_few_publications()
    {
        using var at = new MonitoredNode();
        int published = 0;
        at.Monitor.Changed += () => Interlocked.Increment(ref published);
        long start = Stopwatch.GetTimestamp();
        at.Node.Namespace.IpBatch([.. Enumerable.Range(0, 100).Select(i => $"link add a{i} type veth peer name b{i}")]);
        await at.UntilAsync("all 200 ends are there", links => links.Links.Count == 202);
        double elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        // Each notification alone would make at least 200; at most one comes in every 20 ms.
        Assert.That(published, Is.LessThanOrEqualTo((elapsed / 20) + 1).And.LessThan(200));
        TestContext.Out.WriteLine($"{published} publications in {elapsed:0} ms");
    }

    [Test]
    public async Task Lost_notifications_lead_to_a_resync()
    {
        using var at = new MonitoredNode(receiveBuffer: 1);
        using var release = new ManualResetEventSlim();
        using var held = new ManualResetEventSlim();
        at.Monitor.Changed += () =>
        {
            held.Set();
            release.Wait(TimeSpan.FromSeconds(30));
        };
        at.Node.Namespace.Ip("link add first type veth peer name second");
        Assert.That(held.Wait(TimeSpan.FromSeconds(30)), Is.True, "the monitor publishes, and its thread is then kept from reading");
        at.Node.Namespace.IpBatch([.. Enumerable.Range(0, 50).Select(i => $"link add a{i} type veth peer name b{i}")]);
        long resyncs = at.Monitor.Resyncs;
        release.Set();

        await at.UntilAsync("all links are there", links => links.Links.Count == 104);
        Assert.That(at.Monitor.Overflows, Is.GreaterThan(0));
        Assert.That(at.Monitor.Resyncs, Is.GreaterThan(resyncs));
        Assert.That(at.Monitor.Failures, Is.Zero);
    }

    [Test]
    public async Task A_subscriber_that_throws_does_not_end_the_monitor()
    {
        var log = new LogLines<LinkMonitor>();
        using var at = new MonitoredNode(logger: log);
        bool threw = false;
        at.Monitor.Changed += () =>
        {
            if (threw) return;
            threw = true;
            throw new InvalidOperationException("the subscriber is broken");
        };
        at.Node.Namespace.Ip("link add one type veth peer name other");
        await Eventually.ThatAsync(
            () => at.Monitor.Problem?.EndsWith(": the subscriber is broken", StringComparison.Ordinal) == true, "the failure is told");
        Assert.That(at.Monitor.Failures, Is.EqualTo(1));
        Assert.That(log.All.Single(), Is.EqualTo((LogLevel.Error, "Following the host's links failed; it is tried again")));
        Assert.That(log.Faults.Single().StackTrace, Does.Contain(nameof(A_subscriber_that_throws_does_not_end_the_monitor)));
        at.Node.Namespace.Ip("link add two type veth peer name three");
        await at.UntilAsync("it follows on", links => links.Links.Values.Any(link => link.Name == "three"));
        await Eventually.ThatAsync(() => at.Monitor.Problem is null, "the failure is over");
    }

    [Test]
    public async Task A_link_moved_into_a_pod_leaves_the_snapshot()
    {
        using var at = new MonitoredNode();
        at.Node.Namespace.Ip("link add one type veth peer name other");
        await at.UntilAsync("both ends are there", links => links.Links.Values.Any(link => link.Name == "other"));
        Assert.That(at.Named("one")!.PeerNetns, Is.Null);
        at.Node.Namespace.Ip($"link set other netns {at.Node.World.Name}");
        await at.UntilAsync("one end is gone", links => links.Links.Values.All(link => link.Name != "other"));
    }

    [Test]
    public async Task A_regular_resync_publishes_nothing_when_nothing_has_changed()
    {
        Require.Root();
        // Links that are down: nothing else speaks in this namespace.
        using NetworkNamespace quiet = NetworkNamespace.Create(TestNode.UniqueName());
        quiet.IpBatch("link add one type veth peer name other", "addr add 10.77.0.1/32 dev one",
            "neigh add 10.77.0.2 lladdr 02:00:00:00:00:09 dev one");
        using LinkMonitor monitor = quiet.Run(
            () => new LinkMonitor(NullLogger<LinkMonitor>.Instance, resyncEvery: TimeSpan.FromMilliseconds(50)));
        LinkSnapshot before = monitor.Current;
        long resyncs = monitor.Resyncs;
        await Eventually.ThatAsync(() => monitor.Resyncs >= resyncs + 5, "it has read everything again five times");
        Assert.That(monitor.Current, Is.SameAs(before));
        Assert.That(before.Links, Has.Count.EqualTo(3));
    }
}
