using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>A few UDP datagrams between two pods, each awaited before the next is sent: nothing is lost and nothing overtakes.</summary>
internal static class UdpTalk
{
    /// <summary>Sends numbered datagrams and has each echoed.</summary>
    /// <param name="from">Who asks.</param>
    /// <param name="to">Who echoes.</param>
    /// <param name="address">What is asked: an address of <paramref name="to"/>, or one that is translated to it.</param>
    /// <param name="port">The port asked.</param>
    /// <param name="count">How many.</param>
    /// <param name="size">Bytes of each.</param>
    /// <param name="listenPort">Where it echoes, if the port is translated too.</param>
    /// <param name="listenAddress">As the port.</param>
    /// <returns>The source port.</returns>
    public static int Echo(
        PodNetwork from, PodNetwork to, IPAddress address, int port, int count = 3, int size = 32, int? listenPort = null,
        IPAddress? listenAddress = null)
    {
        using Socket server = to.OpenSocket(address, SocketType.Dgram), client = from.OpenSocket(address, SocketType.Dgram);
        server.ReceiveTimeout = client.ReceiveTimeout = 10_000;
        server.Bind(new IPEndPoint(listenAddress ?? address, listenPort ?? port));
        client.Connect(address, port);
        byte[] buffer = new byte[65536];
        EndPoint peer = new IPEndPoint(address, 0);
        for (int i = 0; i < count; i++)
        {
            client.Send(Payload($"{port} number {i} ", size));
            int received = server.ReceiveFrom(buffer, ref peer);
            server.SendTo(buffer.AsSpan(0, received), peer);
            Assert.That(client.Receive(buffer), Is.EqualTo(size));
        }

        return ((IPEndPoint)client.LocalEndPoint!).Port;
    }

    /// <summary>An address that the node swallows without a word, once <see cref="Swallow"/> was called.</summary>
    public static IPAddress Nowhere { get; } = IPAddress.Parse("10.59.0.1");

    /// <summary>Makes the node drop what is sent to <see cref="Nowhere"/>, so that no ICMP error comes back.</summary>
    public static void Swallow(NodeNetwork node) => node.Namespace.Ip($"route add blackhole {Nowhere}/32");

    /// <summary>Sends datagrams one way.</summary>
    public static void Send(PodNetwork from, IPAddress address, int port, int count, int size = 32)
    {
        using Socket client = from.OpenSocket(address, SocketType.Dgram);
        for (int i = 0; i < count; i++)
        {
            client.SendTo(Payload($"{port} number {i} ", size), new IPEndPoint(address, port));
        }
    }

    /// <summary>The text over and over, so that no two fragments are the same, whichever IP ids the sockets happen to choose.</summary>
    private static byte[] Payload(string text, int size)
    {
        byte[] payload = new byte[size];
        for (int i = 0; i < size; i++) payload[i] = (byte)text[i % text.Length];
        return payload;
    }
}
