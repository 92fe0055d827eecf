using System.Net;
using HostAgent.Cluster;
using HostAgent.Interop;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

public sealed class NetnsLookupTests
{
    private MonitoredNode _at = null!;
    private LogLines<NetnsLookup> _log = null!;
    private string _folder = null!;

    [SetUp]
    public void SetUp()
    {
        _at = new MonitoredNode();
        _log = new LogLines<NetnsLookup>();
        // Of its own, since other runs' namespaces have the same addresses. A link to a namespace's file serves as well as the file.
        _folder = Directory.CreateTempSubdirectory("hostagent-netns").FullName;
    }

    [TearDown]
    public void TearDown()
    {
        _at.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_pod_on_a_bridge_that_nothing_else_knows_of_is_found_in_its_namespace()
    {
        PodNetwork net = _at.Node.AddBridged("web"), silent = _at.Node.AddBridged("silent");
        Bind(net, silent);
        using NetnsLookup lookup = Open();
        var matcher = new PodLinkMatcher([.. MonitoredNode.Lookups, lookup]);
        foreach (PodNetwork pod in (PodNetwork[])[net, silent])
        {
            Pod both = MonitoredNode.Pod(pod.Name, pod.Ipv4.ToString(), pod.Ipv6!.ToString());
            await _at.CapturedAsync(matcher, both);
            // The answer may have come while the first round was at the second address.
            PodCoverage found = await _at.CapturedAsync(matcher, both);
            Assert.That(found.Links.Single(), Is.EqualTo(new LinkMatch(_at.Snapshot.Links[pod.HostIndex], pod.Ipv4, FoundBy.Netns)));
        }

        Assert.That(lookup.Problem, Is.Null);
    }

    [Test]
    public async Task Its_answers_announce_themselves()
    {
        PodNetwork net = _at.Node.AddBridged("web");
        Bind(net);
        using NetnsLookup lookup = Open();
        using var announced = new ManualResetEventSlim();
        lookup.Changed += announced.Set;
        Assert.That(lookup.Find(net.Ipv4, _at.Snapshot).Link, Is.Null, "it has not looked yet, and does not block");
        Assert.That(announced.Wait(TimeSpan.FromSeconds(30)), Is.True);
        await Eventually.ThatAsync(() => lookup.Find(net.Ipv4, _at.Snapshot).Link?.Index == net.HostIndex, "the answer is there");
    }

    [Test]
    public async Task Every_interface_of_a_pod_has_its_own_link()
    {
        PodNetwork net = _at.Node.AddBridged("multi");
        _at.Node.Namespace.IpBatch($"link add vethsecond type veth peer name net1 netns {net.Namespace.Name}", "link set vethsecond up");
        net.Namespace.IpBatch("addr add 10.55.0.2/24 dev net1", "link set net1 up");
        Bind(net);
        using NetnsLookup lookup = Open();
        var matcher = new PodLinkMatcher([lookup]);
        Pod pod = MonitoredNode.Pod("multi", net.Ipv4.ToString()) with { SecondaryIps = [IPAddress.Parse("10.55.0.2")] };
        PodCoverage? coverage = null;
        await Eventually.ThatAsync(
            () => (coverage = _at.Cover(matcher, pod)).Links.Count(link => link.FoundBy == FoundBy.Netns) == 2, "both are found");
        Assert.That(coverage!.Links.Select(link => $"{link.Link.Name} {link.Ip}"),
            Is.EqualTo([$"{net.HostLink} {net.Ipv4}", "vethsecond 10.55.0.2"]));
    }

    [Test]
    public async Task A_pod_on_macvlan_is_unsupported_with_the_reason_and_the_mend()
    {
        PodNetwork net = _at.Node.AddBridged("mac");
        _at.Node.Namespace.Ip($"link add link eth0 name mv0 netns {net.Namespace.Name} type macvlan mode bridge");
        net.Namespace.IpBatch("addr add 10.55.0.2/24 dev mv0", "link set mv0 up");
        Bind(net);
        using NetnsLookup lookup = Open();
        var matcher = new PodLinkMatcher([.. MonitoredNode.Lookups, lookup]);
        Pod pod = MonitoredNode.Pod("mac", "10.55.0.2");
        await Eventually.ThatAsync(() => _at.Cover(matcher, pod).State == PodState.Unsupported, "it is unsupported");
        Assert.That(_at.Cover(matcher, pod).Reason, Does.Contain("mv0").And.Contain("macvlan").And.Contain("ptp or bridge"));

        // As a further interface it does not keep the pod from being captured, and is not kept quiet.
        pod = MonitoredNode.Pod("mac", net.Ipv4.ToString()) with { SecondaryIps = [IPAddress.Parse("10.55.0.2")] };
        await _at.CapturedAsync(matcher, pod);
        Coverage coverage = matcher.Match([(pod, MonitoredNode.Rule)], _at.Snapshot).Coverage;
        Assert.That(coverage.Notes.Single(), Does.Contain("further interface").And.Contain("macvlan"));
        Assert.That(coverage.Warnings, Is.Empty, "there is nothing to be mended on this node");
    }

    [Test]
    public async Task What_is_no_namespace_and_what_vanishes_does_no_harm()
    {
        PodNetwork net = _at.Node.AddBridged("web"), gone = _at.Node.AddBridged("gone");
        Bind(net, gone);
        HostTool.Run("mkfifo", Path.Combine(_folder, "a-pipe"));
        File.WriteAllText(Path.Combine(_folder, "a-file"), "no namespace");
        File.CreateSymbolicLink(Path.Combine(_folder, "broken"), "/nowhere");
        using NetnsLookup lookup = Open();
        await FoundAsync(lookup, net);
        await FoundAsync(lookup, gone);

        _at.Node.Remove(gone);
        await _at.UntilAsync("the link is gone", links => !links.Links.ContainsKey(gone.HostIndex));
        Assert.That(lookup.Find(gone.Ipv4, _at.Snapshot).Link, Is.Null);
        await FoundAsync(lookup, net);
        await Eventually.ThatAsync(
            () => lookup.Scan() && lookup.Find(gone.Ipv4, _at.Snapshot).Reason!.StartsWith("in no network", StringComparison.Ordinal),
            "nothing is remembered of it");
        Assert.That(lookup.Problem, Is.Null);
    }

    [Test]
    public async Task A_pod_with_the_address_of_one_that_has_gone_is_told_apart()
    {
        PodNetwork net = _at.Node.AddBridged("old");
        Bind(net);
        using NetnsLookup lookup = Open();
        await FoundAsync(lookup, net);
        _at.Node.Remove(net);
        await _at.UntilAsync("the link is gone", links => !links.Links.ContainsKey(net.HostIndex));

        PodNetwork next = _at.Node.AddBridged("next");
        next.Namespace.Ip($"addr add {net.Ipv4}/24 dev eth0");
        Bind(next);
        await FoundAsync(lookup, next, net.Ipv4);
        Assert.That(lookup.Find(net.Ipv4, _at.Snapshot).Link?.Index, Is.EqualTo(next.HostIndex));
    }

    [Test]
    public async Task A_netns_answer_outweighs_a_contradicting_neighbour_entry_and_that_is_reported()
    {
        PodNetwork victim = _at.Node.AddBridged("victim"), thief = _at.Node.AddBridged("thief");
        _at.Node.Namespace.Ip($"neigh replace {victim.Ipv4} lladdr 02:00:00:00:00:09 dev cni0");
        _at.Node.Namespace.Exec("bridge", "fdb", "replace", "02:00:00:00:00:09", "dev", thief.HostLink, "master", "static");
        await _at.UntilAsync("the spoofed entry is there",
            links => new NeighbourLookup().Find(victim.Ipv4, links).Link?.Index == thief.HostIndex);
        Bind(victim, thief);
        using NetnsLookup lookup = Open();
        await FoundAsync(lookup, victim);
        var matcher = new PodLinkMatcher([.. MonitoredNode.Lookups, lookup]);
        Coverage coverage = matcher.Match(
            [(MonitoredNode.Pod("victim", victim.Ipv4.ToString()), MonitoredNode.Rule)], _at.Snapshot).Coverage;
        Assert.That(coverage.Pods[0].Links.Single().Link.Index, Is.EqualTo(victim.HostIndex));
        Assert.That(coverage.Warnings.Single(), Does.Contain("by netns").And.Contain("by neighbour").And.Contain(thief.HostLink));
    }

    [Test]
    public async Task Without_a_folder_it_says_what_to_mount()
    {
        using NetnsLookup lookup = _at.Node.Namespace.Run(
            () => new NetnsLookup([Path.Combine(_folder, "nowhere")], () => _at.Snapshot, _log));
        lookup.Find(IPAddress.Parse("10.0.0.1"), _at.Snapshot);
        await Eventually.ThatAsync(() => lookup.Problem is not null, "it has looked");
        Assert.That(lookup.Problem, Does.Contain("nowhere").And.Contain("HostToContainer"));
    }

    [TestCase(0, TestName = "the host's socket")]
    [TestCase(1, TestName = "the socket in a namespace")]
    public async Task A_look_that_fails_leaves_what_was_known_says_so_and_is_repeated(int succeed)
    {
        PodNetwork[] known = [_at.Node.AddBridged("one"), _at.Node.AddBridged("two")];
        Bind(known);
        int opens = int.MaxValue;
        using NetnsLookup lookup = _at.Node.Namespace.Run(() => new NetnsLookup([_folder], () => _at.Snapshot, _log,
            () => Interlocked.Decrement(ref opens) >= 0
                ? NetnsScan.OpenSocket()
                : throw new ErrnoException("socket", "AF_NETLINK", Errno.ENOMEM)));
        foreach (PodNetwork net in known) await FoundAsync(lookup, net);

        PodNetwork late = _at.Node.AddBridged("late");
        Bind(late);
        await _at.UntilAsync("its link is there", links => links.Links.ContainsKey(late.HostIndex));
        Interlocked.Exchange(ref opens, succeed);
        lookup.Scan();
        Assert.That(lookup.Problem, Does.Contain("what was known of them before is kept").And.Contain("socket AF_NETLINK"));
        Assert.That(known.Select(net => lookup.Find(net.Ipv4, _at.Snapshot).Link?.Index), Is.EqualTo(known.Select(net => net.HostIndex)));
        Assert.That(_log.Faults.First(), Is.TypeOf<ErrnoException>());
        for (int i = 0; i < 10; i++) lookup.Scan();
        Assert.That(_log.All, Has.Count.EqualTo(1), "the same again, in the same ten seconds");

        Interlocked.Exchange(ref opens, int.MaxValue);
        await FoundAsync(lookup, late);
        Assert.That(lookup.Problem, Is.Null);
    }

    [Test]
    public async Task A_subscriber_that_throws_does_not_end_the_lookup()
    {
        PodNetwork net = _at.Node.AddBridged("web"), next = _at.Node.AddBridged("next");
        Bind(net);
        using NetnsLookup lookup = Open();
        lookup.Changed += () => throw new InvalidOperationException("the subscriber is broken");
        await FoundAsync(lookup, net);
        await Eventually.ThatAsync(() => _log.Faults.OfType<InvalidOperationException>().Any(), "it is logged");
        Bind(next);
        await FoundAsync(lookup, next);
    }

    private NetnsLookup Open() => _at.Node.Namespace.Run(() => new NetnsLookup([_folder], () => _at.Snapshot, _log));

    private void Bind(params PodNetwork[] pods)
    {
        foreach (PodNetwork pod in pods) File.CreateSymbolicLink(Path.Combine(_folder, pod.Name), pod.Namespace.Path);
    }

    private Task FoundAsync(NetnsLookup lookup, PodNetwork net, IPAddress? address = null) =>
        Eventually.ThatAsync(() => lookup.Find(address ?? net.Ipv4, _at.Snapshot).Link?.Index == net.HostIndex, $"{net.Name} is found");
}
