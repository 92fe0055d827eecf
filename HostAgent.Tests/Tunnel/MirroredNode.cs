using System.Collections.Immutable;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Governing;
using HostAgent.Interop;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// A node whose chosen pods are mirrored by the agent's own capture, pipeline and tunnel, inside this process: for tests that want to say
/// exactly which pods, which frames and which sensor. What links are whose is told, not looked up.
/// </summary>
internal sealed class MirroredNode : IDisposable
{
    /// <summary>
    /// A pcap-filter(7) for the datagrams of a sniffing sensor, fragments included: their destination MAC is nobody else's.
    /// </summary>
    public const string TunnelFrames = "ether dst 02:76:78:6c:61:6e";

    /// <summary>The node's own IPv6 address, for the outer source.</summary>
    private static readonly IPAddress Ipv6Address = IPAddress.Parse("fd99:ffff::1");

    private readonly Mirror _mirror;

    /// <param name="sensorMtu">Of both ends of the sensor's link, in bytes.</param>
    /// <param name="shards">How many captures share the flows.</param>
    /// <param name="filter">Which frames are wanted; null for all.</param>
    /// <param name="pcap">Captures through libpcap.</param>
    /// <param name="around">Puts something around the capture; null for nothing.</param>
    /// <param name="clock">By which pods are judged to be silent; null for the system's.</param>
    /// <param name="canaries">From one canary to the next; null for what is usual.</param>
    public MirroredNode(
        int sensorMtu = 9000, int shards = 1, FrameFilter? filter = null, bool pcap = false,
        Func<ICaptureFactory, ICaptureFactory>? around = null, TimeProvider? clock = null,
        TimeSpan? canaries = null)
    {
        Node = TestNode.Create();
        try
        {
            Node.Namespace.Ip($"addr add {Ipv6Address}/128 dev lo nodad");
            Sensor = Node.AddRouted("sensor", sensorMtu);
            Sensor.Namespace.Ip($"route add {Ipv6Address}/128 via fe80::1 dev eth0");
            ICaptureFactory factory = Factory(pcap, filter);
            _mirror = Node.Namespace.Run(() => new Mirror(
                around?.Invoke(factory) ?? factory, shards, NullLogger.Instance, filter, "node-1", clock, canaries));
        }
        catch
        {
            Node.Dispose();
            throw;
        }
    }

    public NodeNetwork Node { get; }

    public PodNetwork Sensor { get; }

    /// <summary>How the sensor reads, and its ports.</summary>
    public SensorPolicy Policy { get; set; } = new();

    /// <summary>How much of the pods' traffic the rule wants; counts from the next <see cref="Mirror(uint, PodNetwork[])"/> on.</summary>
    public RuleTraffic Traffic { get; set; } = RuleTraffic.All;

    /// <summary>What the governor leaves of it; counts from the next <see cref="Mirror(uint, PodNetwork[])"/> on.</summary>
    public Restraint Restraint { get; set; }

    /// <summary>The same for single pods; null where <see cref="Traffic"/> holds for all.</summary>
    public Func<PodNetwork, RuleTraffic>? TrafficOf { get; set; }

    public IEnumerable<string> Warnings => _mirror.Warnings();

    /// <summary>The VNI of canaries; counts from the next <see cref="Mirror(uint, PodNetwork[])"/> on.</summary>
    public uint? CanaryVni { get; set; }

    public long CanariesSent => _mirror.CanariesSent;

    public IEnumerable<string> Notes => _mirror.Notes;

    public int SilentPods => _mirror.SilentPods;

    public bool FiltersInKernel => _mirror.FiltersInKernel;

    public LedgerSnapshot Ledger => _mirror.Ledger.Read();

    /// <summary>A MAC as tshark writes it.</summary>
    public static string MacOf(PodNetwork pod) => MacOf(pod.Namespace, PodNetwork.Link);

    /// <summary>The same, of any link.</summary>
    public static string MacOf(NetworkNamespace where, string link)
    {
        string[] words = where.Ip($"-o link show dev {link}").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words[Array.IndexOf(words, "link/ether") + 1];
    }

    /// <summary>Mirrors these pods and no others to the routed sensor, over IPv4.</summary>
    public void Mirror(uint vni, params PodNetwork[] pods) => Mirror([EndpointOf(Sensor)], [.. pods.Select(pod => (pod, vni))]);

    /// <summary>Mirrors these pods and no others to these sensors.</summary>
    public void Mirror(ImmutableArray<SensorEndpoint> sensors, params (PodNetwork Pod, uint Vni)[] pods) => Node.Namespace.Run(() =>
    {
        LinkSnapshot links = Snapshot();
        ImmutableArray<PodCoverage> coverage = [.. pods.Select(mirrored => new PodCoverage(
            MonitoredNode.Pod(
                mirrored.Pod.Name, [mirrored.Pod.Ipv4.ToString(), .. mirrored.Pod.Ipv6 is { } v6 ? [v6.ToString()] : (string[])[]]),
            new MirrorRule("all", LabelSelector.Everything, LabelSelector.Everything, mirrored.Vni)
            {
                Traffic = TrafficOf?.Invoke(mirrored.Pod) ?? Traffic,
            },
            PodState.Captured,
            null,
            [new LinkMatch(links.Links[mirrored.Pod.HostIndex], mirrored.Pod.Ipv4, FoundBy.Route)]))];
        var sensor = new SensorStatus(sensors.IsEmpty ? SensorState.Missing : SensorState.Ready, Policy.Reads, sensors, null);
        SensorStatus used = _mirror.Apply(coverage, sensor, Policy, Restraint, CanaryVni);
        // A stream takes a moment to be connected.
        if (Policy.Reads != SensorReads.Stream) Assert.That(used, Is.EqualTo(sensor), used.Reason);
        return true;
    });

    /// <summary>A pod as a sensor.</summary>
    public SensorEndpoint EndpointOf(PodNetwork sensor, bool v6 = false) => Node.Namespace.Run(() => new SensorEndpoint(
        v6 ? sensor.Ipv6! : sensor.Ipv4, Policy.Port, Snapshot().Links[sensor.HostIndex], v6 ? Ipv6Address : NodeNetwork.Address));

    /// <summary>A sensor in the node's own namespace.</summary>
    public SensorEndpoint Loopback(IPAddress address) =>
        Node.Namespace.Run(() => new SensorEndpoint(address, Policy.Port, Snapshot().Loopback!, address));

    /// <summary>tcpdump where the sensor sniffs.</summary>
    public Task<LinkCapture> SniffAsync() => LinkCapture.StartAsync(Sensor, TunnelFrames);

    /// <summary>tcpdump where a sensor with a socket is sent to.</summary>
    public Task<LinkCapture> SniffSocketAsync() => LinkCapture.StartAsync(Sensor, $"udp dst port {Policy.Port}");

    /// <summary>Waits until so many frames are captured and every one is accounted for.</summary>
    public async Task<LedgerSnapshot> SettledAsync(long seen = 0)
    {
        LedgerSnapshot now = Ledger;
        await Eventually.ThatAsync(() =>
        {
            LedgerSnapshot before = now;
            now = Ledger;
            return now.Seen >= seen && now.Seen == before.Seen && now.InFlight == 0;
        }, $"{seen} frames are seen and settled");
        return now;
    }

    /// <summary>Frames of a pod that were captured and did not reach the sensor.</summary>
    public long LostOf(PodNetwork pod) => _mirror.Traffic.Where(traffic => traffic.Pod == pod.Name).Sum(traffic => traffic.Lost);

    /// <summary>About how many frames the filter of the pod's rule has kept out.</summary>
    public long? RejectedOf(PodNetwork pod) => _mirror.Traffic.Single(traffic => traffic.Pod == pod.Name).RejectedEstimate;

    /// <summary>Whose flows are given up at the moment.</summary>
    public IEnumerable<string> Shedding => _mirror.Shedding.Select(shed => $"{shed.Pod} {shed.Share:P0}");

    /// <summary>What the kernel says crossed a pod's link, both directions together, in frames as it handles them.</summary>
    public long FramesOn(PodNetwork pod) => Node.Namespace.Run(() => ProcNet.Traffic(pod.HostLink).Frames);

    /// <inheritdoc cref="NodeNetwork.Silence"/>
    public void Silence(PodNetwork pod) => Node.Silence(pod);

    public void Drain() => _mirror.Drain(TimeSpan.FromSeconds(10));

    public void Dispose()
    {
        Drain();
        _mirror.Dispose();
        Node.Dispose();
    }

    private static ICaptureFactory Factory(bool pcap, FrameFilter? filter)
    {
        var options = new CaptureOptions { Filter = filter };
        return pcap ? new PcapCaptureFactory(options) : new RingCaptureFactory(options);
    }

    private static LinkSnapshot Snapshot()
    {
        using var monitor = new LinkMonitor(NullLogger<LinkMonitor>.Instance);
        return monitor.Current;
    }
}
