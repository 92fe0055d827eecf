using System.Net;
using HostAgent.Bench.Sensors;
using HostAgent.Lab;

namespace HostAgent.Bench.Systems;

/// <summary>
/// The kernel's own way, as shell scripts and operators set it up: a clsact qdisc on the pod's link, a filter that matches everything, and
/// an action that mirrors to a vxlan device.
/// </summary>
/// <param name="finished">True: the device has no offloads, so that the kernel cuts super-frames and finishes checksums in software, as the
/// agent does and a sensor needs it. False: as it is without further settings, which leaves both to a network card that is not on the
/// way.</param>
internal sealed class KernelMirror(bool finished) : MirrorSystem
{
    private const string Device = "vxlan-mirror";

    public override string Name => finished ? "kernel-cut" : "kernel";

    /// <summary>
    /// A vxlan device hands what is for an address of the host over to the host's own vxlan devices, never to a socket. It writes no
    /// stream.
    /// </summary>
    public override bool Serves(SensorKind sensor) => sensor is SensorKind.Sniff or SensorKind.Socket;

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
            if (finished) node.Exec("ethtool", "-K", Device, "tx", "off", "tso", "off", "gso", "off");
            node.Exec("tc", "qdisc", "add", "dev", network.Server.HostLink, "clsact");
            foreach (string direction in new[] { "ingress", "egress" })
            {
                node.Exec(
                [
                    .. ($"tc filter add dev {network.Server.HostLink} {direction} protocol all prio 1 u32 match u32 0 0 "
                        + $"action mirred egress mirror dev {Device}").Split(' '),
                ]);
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
