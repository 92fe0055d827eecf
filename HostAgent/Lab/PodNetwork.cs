using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>A network namespace that stands for a pod, and the host's end of its link.</summary>
/// <param name="Name">The pod's name.</param>
/// <param name="Namespace">The pod's network namespace.</param>
/// <param name="HostLink">The name of its link in the node's namespace.</param>
/// <param name="HostIndex">The ifindex of its link in the node's namespace.</param>
/// <param name="Ipv4">The pod's IPv4 address.</param>
/// <param name="Ipv6">The pod's IPv6 address; null where the kernel has no IPv6.</param>
internal sealed record PodNetwork(
    string Name, NetworkNamespace Namespace, string HostLink, int HostIndex, IPAddress Ipv4, IPAddress? Ipv6)
{
    /// <summary>The pod's own end of its link.</summary>
    public const string Link = "eth0";

    /// <summary>Opens a TCP (stream) or UDP (datagram) socket in the pod, for traffic with <paramref name="peer"/>.</summary>
    public Socket OpenSocket(IPAddress peer, SocketType type) => Namespace.OpenSocket(peer.AddressFamily, type, ProtocolType.Unspecified);

    /// <summary>
    /// What a pod behind a plain network card would send: no super-frames, and every checksum finished. Needs ethtool.
    /// </summary>
    public void DisableOffload() => Namespace.Exec("ethtool", "-K", Link, "tx", "off", "tso", "off", "gso", "off", "gro", "off");

    /// <summary>Listens in the pod.</summary>
    /// <param name="address">One of the pod's addresses.</param>
    /// <param name="port">The TCP port; 0 for one that the kernel chooses.</param>
    public Socket Listen(IPAddress address, ushort port)
    {
        Socket listener = OpenSocket(address, SocketType.Stream);
        // Connections of one that listened there before may still be closing.
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        return listener;
    }
}
