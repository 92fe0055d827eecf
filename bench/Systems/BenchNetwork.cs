using System.Net;
using HostAgent.Bench.Sensors;
using HostAgent.Interop;
using HostAgent.Lab;

namespace HostAgent.Bench.Systems;

/// <summary>
/// The benchmark's node: a pod that is mirrored, one that talks to it, two that only talk to each other, and a sensor for each way to read.
/// </summary>
internal sealed class BenchNetwork : IDisposable
{
    public const int IdlePodCount = 110;

    private readonly NodeNetwork _node;
    private readonly NetworkNamespace _idle;

    /// <param name="name">Unique on the machine.</param>
    public BenchNetwork(string name)
    {
        _node = NodeNetwork.Create(name);
        try
        {
            Server = _node.AddRouted("server");
            Client = _node.AddRouted("client");
            Bystander = _node.AddRouted("bystander");
            Passerby = _node.AddRouted("passerby");
            Sniffer = _node.AddRouted("sniffer", 9000);
            Reader = _node.AddRouted("reader", 1500);
            _idle = NetworkNamespace.Create($"{name}-idle");
        }
        catch
        {
            _node.Dispose();
            throw;
        }
    }

    public NetworkNamespace Node => _node.Namespace;

    /// <summary>The mirrored pod.</summary>
    public PodNetwork Server { get; }

    public PodNetwork Client { get; }

    public PodNetwork Bystander { get; }

    public PodNetwork Passerby { get; }

    public PodNetwork Sniffer { get; }

    public PodNetwork Reader { get; }

    /// <summary>The addresses of the pods that do nothing; empty until <see cref="AddIdlePods"/>.</summary>
    public IReadOnlyList<IPAddress> IdlePods { get; private set; } = [];

    /// <summary>All of them, for a cluster file.</summary>
    /// <param name="inScope">False to have the policy select none.</param>
    public IEnumerable<ClusterPod> Pods(bool inScope)
    {
        string mirrored = inScope ? "mirrored" : AgentFiles.Unscoped;
        return
        [
            new ClusterPod(mirrored, Server),
            .. new[] { Client, Bystander, Passerby, Sniffer, Reader }.Select(pod => new ClusterPod(AgentFiles.Unscoped, pod)),
            .. IdlePods.Select((address, i) => new ClusterPod(mirrored, $"idle-{i}", $"idle-{i}", address)),
        ];
    }

    public static bool OnHostNetwork(SensorKind sensor) => sensor is SensorKind.LoSniff or SensorKind.LoSocket;

    /// <summary>As in the policy's sensor.reads.</summary>
    public static string Reads(SensorKind sensor) => sensor switch
    {
        SensorKind.Sniff or SensorKind.LoSniff => "sniff",
        SensorKind.Stream or SensorKind.StreamTls => "stream",
        _ => "socket",
    };

    public static bool Sniffs(SensorKind sensor) => sensor is SensorKind.Sniff or SensorKind.LoSniff;

    public IPAddress SensorAddress(SensorKind sensor) => sensor switch
    {
        SensorKind.Sniff or SensorKind.Stream or SensorKind.StreamTls => Sniffer.Ipv4,
        SensorKind.Socket => Reader.Ipv4,
        _ => IPAddress.Loopback,
    };

    /// <summary>Starts the sensor where it belongs.</summary>
    /// <param name="sensor">Which one.</param>
    /// <param name="folder">Where the <see cref="StreamFiles"/> are.</param>
    public SensorProcess<SensorCounts> StartSensor(SensorKind sensor, string folder)
    {
        NetworkNamespace where = OnHostNetwork(sensor) ? Node : sensor == SensorKind.Socket ? Reader.Namespace : Sniffer.Namespace;
        string subject = Sniffs(sensor) ? OnHostNetwork(sensor) ? "lo" : PodNetwork.Link : SensorAddress(sensor).ToString();
        return BenchSensor.Start(where, sensor, subject, folder);
    }

    /// <summary>Makes the links of pods that do nothing; their other ends share a namespace, since nobody looks there.</summary>
    public void AddIdlePods()
    {
        if (IdlePods.Count > 0) return;
        IPAddress[] addresses = [.. Enumerable.Range(1, IdlePodCount).Select(i => IPAddress.Parse($"10.99.2.{i}"))];
        Node.IpBatch([.. addresses.SelectMany((address, i) => new[]
        {
            $"link add vethidle{i} type veth peer name eth{i} netns {_idle.Name}",
            $"link set vethidle{i} up",
            $"route add {address}/32 dev vethidle{i} scope link",
        })]);
        _idle.IpBatch([.. addresses.Select((_, i) => $"link set eth{i} up")]);
        IdlePods = addresses;
    }

    /// <summary>What crossed the mirrored pod's link, by the node's own counters.</summary>
    public LinkTraffic ReadLink() => Node.Run(() => ProcNet.Traffic(Server.HostLink));

    public void Dispose()
    {
        _idle.Dispose();
        _node.Dispose();
    }
}
