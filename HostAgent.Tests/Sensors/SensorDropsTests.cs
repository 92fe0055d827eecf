using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Sensors;

/// <summary>What a sensor's own socket drops is known to the agent, wherever the sensor is.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SensorDropsTests
{
    private const int SolSocket = 1, SoRcvbuf = 8;

    [TestCase(false)]
    [TestCase(true)]
    public async Task Datagrams_that_a_socket_has_no_room_for_are_counted(bool onTheHost)
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), sensor = node.AddRouted("sensor");
        UdpTalk.Swallow(node);
        (NetworkNamespace where, IPAddress address) = onTheHost ? (node.Namespace, IPAddress.Loopback) : (sensor.Namespace, sensor.Ipv4);
        using Socket first = Listen(where, onTheHost ? IPAddress.Any : address);
        await using var agent = new AgentOnNode(node, $"{{address: {address}, reads: socket}}", ("shop", api), ("security", sensor));
        await agent.ReadyAsync(1);
        UdpTalk.Send(api, UdpTalk.Nowhere, 9, 500);
        await agent.SettledAsync(500);
        int received = await AllIsKnownAsync(agent, first);
        await agent.UntilAsync("the agent warns",
            reading => reading.Status.Warnings.Any(warning => warning.Contains("does not keep up", StringComparison.Ordinal)));

        // The sensor starts again, with another socket: from the moment that it is bound it gets what the first one got.
        using Socket second = Listen(where, onTheHost ? IPAddress.Any : address);
        received += Received(first);
        first.Dispose();
        UdpTalk.Send(api, UdpTalk.Nowhere, 9, 500);
        await agent.SettledAsync(1000);
        await AllIsKnownAsync(agent, second, received);
        Assert.That(await agent.MetricAsync("hostagent_sensor_link_dropped_total"), Is.Zero);
    }

    private static Socket Listen(NetworkNamespace where, IPAddress address)
    {
        Socket socket = where.OpenSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.SetRawSocketOption(SolSocket, SoRcvbuf, BitConverter.GetBytes(1));
        socket.Bind(new IPEndPoint(address, 4789));
        return socket;
    }

    /// <summary>
    /// Waits until the agent knows of every datagram it has sent: it looks every few seconds, and the pods say a word of their own now and
    /// then.
    /// </summary>
    /// <returns>What all sockets received, <paramref name="before"/> included.</returns>
    private static async Task<int> AllIsKnownAsync(AgentOnNode agent, Socket socket, int before = 0)
    {
        int received = before;
        double dropped = 0, sent = 0;
        for (int tries = 0; tries < 200; tries++)
        {
            dropped = await agent.MetricAsync("hostagent_sensor_socket_dropped_total");
            sent = await agent.MetricAsync("hostagent_segments_sent_total");
            received += Received(socket);
            Assert.That(received - before, Is.InRange(1, 400), "the socket was too small");
            if (sent == received + dropped) return received;
            await Task.Delay(100);
        }

        Assert.Fail($"{sent} sent, {received} received, but {dropped} dropped");
        return received;
    }

    private static int Received(Socket socket)
    {
        int received = 0;
        for (byte[] datagram = new byte[2048]; socket.Available > 0; received++) socket.Receive(datagram);
        return received;
    }
}
