using HostAgent.Interop;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>The demo's node: four pods in two namespaces, wired in the two common ways, and a sensor with a link of its own.</summary>
internal sealed class DemoNetwork : IDisposable
{
    /// <summary>Room for a full frame of a pod and the tunnel's 50 bytes.</summary>
    private const int SensorMtu = 9000;

    public DemoNetwork(string name)
    {
        Node = NodeNetwork.Create(name);
        try
        {
            Api = Node.AddRouted("api");
            Db = Node.AddRouted("db");
            Frontend = Node.AddBridged("frontend");
            Dns = Node.AddBridged("dns");
            Sensor = Node.AddRouted("sensor", SensorMtu);
            // As a kubelet does all the time. A bridged pod that never spoke to its node is in no neighbour table.
            Node.Probe(Frontend);
            Node.Probe(Dns);
        }
        catch
        {
            Node.Dispose();
            throw;
        }
    }

    public NodeNetwork Node { get; }

    public PodNetwork Api { get; }

    public PodNetwork Db { get; }

    public PodNetwork Frontend { get; }

    public PodNetwork Dns { get; }

    public PodNetwork Sensor { get; }

    /// <summary>The pods to be mirrored, with their Kubernetes namespaces.</summary>
    public IReadOnlyList<(string Namespace, PodNetwork Pod)> Pods => [("shop", Api), ("shop", Db), ("web", Frontend), ("web", Dns)];

    /// <summary>What the node's own counters say crossed the pods' links, both directions, in frames as the kernel handles them.</summary>
    public long FramesOnLinks() => Node.Namespace.Run(() => Pods.Sum(pod => ProcNet.Traffic(pod.Pod.HostLink).Frames));

    public void Dispose() => Node.Dispose();
}
