using System.Net;
using HostAgent.Bench.Sensors;
using HostAgent.Demo;

namespace HostAgent.Bench.Systems;

/// <summary>
/// The kernel's own way, as shell scripts and operators set it up: a clsact qdisc on the pod's link, a filter that matches everything, and an
/// action that mirrors to a vxlan device.
/// </summary>
internal sealed class KernelMirror : MirrorSystem
{
    private const string Device = "vxlan-mirror";

    public override string Name => "kernel";

    /// <summary>A vxlan device hands what is for an address of the host over to the host's own vxlan devices, never to a socket.</summary>
    public override bool Serves(SensorKind sensor) => !BenchNetwork.OnHostNetwork(sensor);

    public override Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation)
    {
        NetworkNamespace node = network.Node;
        IPAddress remote = network.SensorAddress(sensor);
        // The device keeps MTU 1500, since mirred drops larger frames that are no super-frames.
        node.IpBatch(
            $"link add {Device} type vxlan id 100 remote {remote} local {NodeNetwork.Address} dstport {TunnelCount.Port} nolearning",
            $"link set {Device} mtu 1500 up");
        var running = new Running(network);
        try
        {
            node.Exec("tc", "qdisc", "add", "dev", network.Server.HostLink, "clsact");
            foreach (string direction in new[] { "ingress", "egress" })
            {
                node.Exec([.. $"tc filter add dev {network.Server.HostLink} {direction} protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev {Device}".Split(' ')]);
            }

            return Task.FromResult<RunningSystem>(running);
        }
        catch
        {
            node.Ip($"link del {Device}");
            throw;
        }
    }

    private sealed class Running(BenchNetwork network) : RunningSystem
    {
        public override ValueTask DisposeAsync()
        {
            network.Node.Exec("tc", "qdisc", "del", "dev", network.Server.HostLink, "clsact");
            network.Node.Ip($"link del {Device}");
            return base.DisposeAsync();
        }
    }
}
