using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>
/// A node of its own inside one machine: a namespace that stands for the host, with an uplink to a second one that stands for the rest of
/// the world, and further ones for pods, wired as the common network plugins wire them. The machine's own namespace is never touched.
/// </summary>
internal sealed class NodeNetwork : IDisposable
{
    private const string Bridge = "cni0";

    private readonly string _name;
    private readonly List<NetworkNamespace> _namespaces = [];
    private int _routed = 1;
    private int _bridged = 1;

    private NodeNetwork(string name) => _name = name;

    /// <summary>The node's own namespace, where the agent belongs.</summary>
    public NetworkNamespace Namespace => _namespaces[0];

    /// <summary>A host beyond the node, reached by its default route; it knows the way to the routed pods.</summary>
    public NetworkNamespace World => _namespaces[1];

    /// <summary>The node's address on its uplink.</summary>
    public static IPAddress Address { get; } = IPAddress.Parse("192.168.99.1");

    public static IPAddress WorldAddress { get; } = IPAddress.Parse("192.168.99.2");

    public static bool HasIpv6 { get; } = Directory.Exists("/proc/sys/net/ipv6");

    /// <param name="name">Unique on the machine; the namespaces are named NAME-node, NAME-world, NAME-POD.</param>
    public static NodeNetwork Create(string name)
    {
        var node = new NodeNetwork(name);
        try
        {
            node.Build();
            return node;
        }
        catch
        {
            node.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A pod as Calico and the cloud providers' plugins wire it: a veth of its own, a host route to its address, and a gateway that
    /// exists only because the host answers ARP for every address.
    /// </summary>
    /// <param name="pod">The pod's name; the host's end is "veth" and the name, cut to the 15 characters that a link name may have.</param>
    /// <param name="mtu">Of both ends, in bytes.</param>
    public PodNetwork AddRouted(string pod, int mtu = 1500)
    {
        int number = ++_routed;
        PodNetwork made = AddPod(pod, mtu, IPAddress.Parse($"10.99.0.{number}"), IPAddress.Parse($"fd99::{number:x}"));
        Namespace.Sysctl($"net/ipv4/conf/{made.HostLink}/proxy_arp", "1");
        Namespace.IpBatch(
            [$"link set {made.HostLink} up", $"route add {made.Ipv4}/32 dev {made.HostLink} scope link",
            .. Ipv6($"addr add fe80::1/64 dev {made.HostLink} nodad", $"route add {made.Ipv6}/128 dev {made.HostLink}")]);
        made.Namespace.IpBatch(
            [$"addr add {made.Ipv4}/32 dev eth0", "link set eth0 up",
            "route add 169.254.1.1 dev eth0 scope link", "route add default via 169.254.1.1 dev eth0",
            .. Ipv6($"addr add {made.Ipv6}/128 dev eth0 nodad", "route add default via fe80::1 dev eth0")]);
        World.IpBatch([$"route add {made.Ipv4}/32 via {Address}"]);
        return made;
    }

    /// <summary>A pod as the bridge plugin and flannel wire it: its veth is a port of a bridge that has the gateway's address.</summary>
    /// <param name="pod">As for <see cref="AddRouted"/>.</param>
    /// <param name="mtu">Of both ends, in bytes.</param>
    public PodNetwork AddBridged(string pod, int mtu = 1500)
    {
        if (_bridged == 1)
        {
            Namespace.IpBatch(
                [$"link add {Bridge} type bridge forward_delay 0", $"addr add 10.99.1.1/24 dev {Bridge}",
                .. Ipv6($"addr add fd99:1::1/64 dev {Bridge} nodad"), $"link set {Bridge} up"]);
            World.IpBatch($"route add 10.99.1.0/24 via {Address}");
        }

        int number = ++_bridged;
        PodNetwork made = AddPod(pod, mtu, IPAddress.Parse($"10.99.1.{number}"), IPAddress.Parse($"fd99:1::{number:x}"));
        Namespace.IpBatch($"link set {made.HostLink} master {Bridge} up");
        made.Namespace.IpBatch(
            [$"addr add {made.Ipv4}/24 dev eth0", "link set eth0 up", "route add default via 10.99.1.1",
            .. Ipv6($"addr add {made.Ipv6}/64 dev eth0 nodad", "route add default via fd99:1::1")]);
        return made;
    }

    /// <summary>Keeps the kernel from speaking IPv6 on the pod's link of its own accord, where frames are to be counted exactly.</summary>
    public void Silence(PodNetwork pod)
    {
        pod.Namespace.Sysctl($"net/ipv6/conf/{PodNetwork.Link}/disable_ipv6", "1");
        Namespace.Sysctl($"net/ipv6/conf/{pod.HostLink}/disable_ipv6", "1");
    }

    /// <summary>The node sends a datagram to the pod, as a kubelet's probes do, so that the pod is in its neighbour table.</summary>
    public void Probe(PodNetwork pod)
    {
        using Socket socket = Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo("probe"u8, new IPEndPoint(pod.Ipv4, 9));
        if (pod.Ipv6 is null) return;
        using Socket socket6 = Namespace.OpenSocket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        socket6.SendTo("probe"u8, new IPEndPoint(pod.Ipv6, 9));
    }

    /// <summary>Removes a pod: its namespace, and with it both ends of its link.</summary>
    public void Remove(PodNetwork pod)
    {
        // Deleting a namespace takes the kernel a moment; deleting the link is immediate.
        Namespace.Ip($"link del {pod.HostLink}");
        _namespaces.Remove(pod.Namespace);
        pod.Namespace.Dispose();
    }

    public void Dispose()
    {
        foreach (NetworkNamespace made in Enumerable.Reverse(_namespaces)) made.Dispose();
        _namespaces.Clear();
    }

    private static string[] Ipv6(params string[] commands) => HasIpv6 ? commands : [];

    private void Build()
    {
        AddNamespace("node");
        AddNamespace("world");
        Namespace.Sysctl("net/ipv4/ip_forward", "1");
        if (HasIpv6) Namespace.Sysctl("net/ipv6/conf/all/forwarding", "1");
        Namespace.IpBatch(
            $"link add eth0 type veth peer name eth0 netns {World.Name}",
            $"addr add {Address}/24 dev eth0", "link set eth0 up", $"route add default via {WorldAddress}");
        World.IpBatch($"addr add {WorldAddress}/24 dev eth0", "link set eth0 up");
    }

    private NetworkNamespace AddNamespace(string suffix)
    {
        NetworkNamespace made = NetworkNamespace.Create($"{_name}-{suffix}");
        _namespaces.Add(made);
        return made;
    }

    private PodNetwork AddPod(string pod, int mtu, IPAddress ipv4, IPAddress ipv6)
    {
        NetworkNamespace made = AddNamespace(pod);
        string link = "veth" + pod[..Math.Min(pod.Length, 11)];
        Namespace.IpBatch($"link add {link} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {made.Name}");
        string shown = Namespace.Ip($"-o link show dev {link}");
        int index = int.Parse(shown.AsSpan(0, shown.IndexOf(':')), CultureInfo.InvariantCulture);
        return new PodNetwork(pod, made, link, index, ipv4, HasIpv6 ? ipv6 : null);
    }
}
