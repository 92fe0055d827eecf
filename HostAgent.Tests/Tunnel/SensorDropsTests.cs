using System.Net;
using System.Net.Sockets;
using HostAgent.Demo;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

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
        using Socket socket = where.OpenSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SetRawSocketOption(SolSocket, SoRcvbuf, BitConverter.GetBytes(1));
        socket.Bind(new IPEndPoint(onTheHost ? IPAddress.Any : address, 4789));
        await using var agent = new AgentOnNode(node, $"{{address: {address}, reads: socket}}", ("shop", api), ("security", sensor));
        await agent.ReadyAsync(1);
        // The first look is where counting starts from.
        await Task.Delay(TimeSpan.FromSeconds(7));

        UdpTalk.Send(api, UdpTalk.Nowhere, 9, 500);
        await agent.SettledAsync(500);
        double sent = await agent.MetricAsync("hostagent_segments_sent_total");
        int received = 0;
        for (byte[] datagram = new byte[2048]; socket.Available > 0; received++) socket.Receive(datagram);
        Assert.That(received, Is.InRange(1, 400), "the socket was too small");
        AgentReading warned = await agent.UntilAsync("the agent warns", reading => reading.Status.Warnings.Any(warning => warning.Contains("does not keep up", StringComparison.Ordinal)));
        Assert.That(await agent.MetricAsync("hostagent_sensor_socket_dropped_total"), Is.EqualTo(sent - received), string.Join("; ", warned.Status.Warnings));
        Assert.That(await agent.MetricAsync("hostagent_sensor_link_dropped_total"), Is.Zero);
    }
}
