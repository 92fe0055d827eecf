using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Filters;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Capture;

/// <summary>Filters of single links: the same frames, whoever asks them.</summary>
[Parallelizable]
internal sealed class RuleFiltersTests
{
    private static readonly (string Api, string Db, string? All)[] Cases =
    [
        ("tcp port 443 or udp port 53", "vlan 9", null), ("ip6", "icmp or arp", null), ("udp", "not vlan", "greater 40"),
        ("vlan and vlan", "less 60", null), ("ip[6:2] & 0x1fff != 0", "udp port 53", "vlan or ip or ip6"),
    ];

    [Test]
    public async Task A_link_has_the_frames_that_its_own_filter_wants(
        [Values("kernel", "no room in the kernel", "pcap")] string way, [Range(0, 4)] int number)
    {
        (string ofApi, string ofDb, string? ofAll) = Cases[number];
        bool cramped = way == "no room in the kernel";
        // Clauses that nothing matches, of which the kernel holds no two such expressions in the little room that it gets.
        string Long(string expression, int first) => cramped ? $"({expression}) or {Nowhere(1200, first)}" : expression;
        FrameFilter? all = ofAll is null ? null : FrameFilter.Compile(ofAll);
        FrameFilter api = FrameFilter.Compile(Long(ofApi, 0)), db = FrameFilter.Compile(Long(ofDb, 50_000));
        using var node = new MirroredNode(filter: all, pcap: way == "pcap");
        if (cramped) LimitRoom(node.Node);
        PodNetwork[] pods = [.. new[] { "api", "db", "web", "whole" }.Select(name => node.Node.AddRouted(name))];
        foreach (PodNetwork pod in pods) node.Silence(pod);
        FrameFilter? Of(PodNetwork pod) => pod.Name switch { "db" => db, "whole" => null, _ => api };
        node.TrafficOf = pod => RuleTraffic.All with { Filter = Of(pod) };
        // Each has a VNI of its own: the frames are the same.
        node.Mirror([node.EndpointOf(node.Sensor)], [.. pods.Select((pod, i) => (pod, (uint)i + 1))]);
        Assert.That(node.FiltersInKernel, Is.EqualTo(!cramped));
        Assert.That(node.Warnings.Any(w => w.Contains("net.core.optmem_max", StringComparison.Ordinal)
            && w.Contains("the rules' filters", StringComparison.Ordinal)), Is.EqualTo(cramped));
        await using LinkCapture sensor = await node.SniffAsync();
        IReadOnlyList<byte[]> corpus = TalkFrames.Corpus();
        foreach (PodNetwork pod in pods)
        {
            using var injector = new FrameInjector(pod);
            foreach (byte[] frame in corpus) injector.Send(frame);
        }

        byte[][][] wanted = [.. pods.Select(pod => corpus.Where(frame => Matches(all, frame) && Matches(Of(pod), frame)).ToArray())];
        LedgerSnapshot ledger = await node.SettledAsync(wanted.Sum(frames => frames.Length));
        IReadOnlyList<DecodedFrame> sniffed = await sensor.StopAsync();
        for (int i = 0; i < pods.Length; i++)
            DecodedFrames.AssertSame(wanted[i], sniffed.Where(frame => frame.Vni == i + 1).Select(frame => frame.Inner));
        Assert.That(ledger.Seen - ledger.Delivered, Is.EqualTo(ledger.Lost(LossReason.Filter)));
        if (cramped) Assert.That(ledger.Seen, Is.EqualTo(pods.Length * corpus.Count), "all are copied");
    }

    [Test]
    public void Filters_of_which_two_do_not_fit_are_exchanged_all_the_same()
    {
        using NodeNetwork node = TestNode.Create();
        LimitRoom(node);
        PodNetwork api = node.AddRouted("api");
        using ICapture capture = node.Namespace.Run(() => new RingCaptureFactory(new CaptureOptions()).Open(1).Single());
        for (int round = 0; round < 4; round++)
        {
            FrameFilter filter = FrameFilter.Compile($"udp port {round} or {Nowhere(1200, round * 10_000)}");
            Assert.That(capture.SetLinks([new(api.HostIndex, filter)]), $"round {round}");
        }
    }

    private static void LimitRoom(NodeNetwork node)
    {
        const string Limit = "/proc/sys/net/core/optmem_max";
        // Before Linux 6.7 it is the whole machine's.
        if (!node.Namespace.Run(() => File.Exists(Limit))) Assert.Ignore("the kernel has one limit for all network namespaces");
        node.Namespace.Sysctl("net/core/optmem_max", "20480");
    }

    private static string Nowhere(int count, int first) =>
        string.Join(" or ", Enumerable.Range(first, count).Select(i => $"ether[6:4] = {0x0A4D_0000 + i}"));

    private static unsafe bool Matches(FrameFilter? filter, byte[] frame)
    {
        fixed (byte* start = frame) return filter is null || filter.Matches(start, frame.Length);
    }
}
