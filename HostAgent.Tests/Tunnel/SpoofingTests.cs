using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Pods d and e are captured, k is not; k sends in d's name. What reaches e is seen, whatever d sent before.</summary>
[TestFixture]
[Parallelizable]
internal sealed class SpoofingTests
{
    private const int Spoofed = 50, SolSocket = 1, SoRcvbufForce = 33;

    private MirroredNode _node = null!;
    private int _port = 6000;

    [OneTimeSetUp]
    public void Wire()
    {
        _node = new MirroredNode();
        foreach (bool bridged in new[] { true, false })
        {
            foreach (string name in new[] { "d", "e", "k" }) Add(name + (bridged ? "b" : "r"), bridged);
        }
    }

    [OneTimeTearDown]
    public void Remove() => _node.Dispose();

    private readonly Dictionary<string, PodNetwork> _pods = [];

    [Test]
    public async Task Fifty_datagrams_in_anothers_name_are_seen_by_the_sensor_as_by_the_pod(
        [Values] bool bridged, [Values] bool sameContent)
    {
        (PodNetwork d, PodNetwork e, PodNetwork k) = Mirrored(bridged);
        int port = ++_port;
        using Socket receiver = Receiver(e, port);
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        byte[] genuine = Datagram(d, e, port, 0, id: 9);
        Send(d, genuine);
        for (int i = 0; i < Spoofed; i++)
            Send(k, With(Datagram(d, e, port, sameContent ? 0 : i + 1, id: (ushort)(sameContent ? 9 : i + 100)), k, e, bridged));
        Assert.That(Received(receiver), Is.EqualTo(Spoofed + 1));
        await _node.SettledAsync(before.Seen + Spoofed + 2);
        Assert.That(await SeenAsync(sensor, port), Is.EqualTo(Spoofed + 1));
    }

    [Test]
    public async Task After_a_flood_frames_that_begin_alike_are_seen()
    {
        (PodNetwork _, PodNetwork e, PodNetwork k) = Mirrored(bridged: true);
        int port = ++_port;
        using Socket receiver = Receiver(e, port);
        await using LinkCapture sensor = await _node.SniffAsync();
        LedgerSnapshot before = await _node.SettledAsync();
        // To a group: the bridge floods it to d's port and e's. Then to e itself, equal up to byte 128 and beyond.
        byte[] flooded = Datagram(k, e, port, 0, id: 9, size: 400);
        new byte[] { 1, 0, 0x5E, 1, 2, 3 }.CopyTo(flooded, 0);
        Send(k, flooded);
        for (int i = 1; i <= Spoofed; i++)
        {
            byte[] other = FrameBuilder.Ethernet(0x0800, Packet(k, e, port, [.. new byte[399], (byte)i], id: 9));
            flooded.AsSpan(0, 12).CopyTo(other);
            Send(k, other);
        }

        await _node.SettledAsync(before.Seen + (2 * (Spoofed + 1)));
        Assert.That(await SeenAsync(sensor, port), Is.EqualTo(Spoofed + 1));
        Assert.That(_node.Ledger.Lost(LossReason.Duplicate) - before.Lost(LossReason.Duplicate),
            Is.GreaterThanOrEqualTo(Spoofed + 1), "each once for the bridge");
    }

    [Test]
    public async Task What_looks_like_the_agents_own_datagrams_is_seen()
    {
        (PodNetwork _, PodNetwork e, PodNetwork k) = Mirrored(bridged: true);
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        for (ushort i = 0; i < Spoofed; i++)
        {
            byte[] forged = FrameBuilder.Vxlan($"{NodeNetwork.Address}", $"{_node.Sensor.Ipv4}", 1, new byte[60 + i], sourcePort: 49153);
            Send(k, With(forged, k, e, bridged: true));
        }

        LedgerSnapshot after = await _node.SettledAsync(before.Seen + Spoofed);
        Assert.That(after.Lost(LossReason.OwnTunnel) - before.Lost(LossReason.OwnTunnel), Is.Zero);
        DecodedFrame[] seen = [.. (await sensor.StopAsync()).Where(
            frame => frame.IsVxlan && Convert.ToHexStringLower(frame.Inner[6..12]) == Mac(k).Replace(":", "", StringComparison.Ordinal))];
        Assert.That(seen, Has.Length.EqualTo(Spoofed));
    }

    [Test]
    public async Task A_pod_that_comes_back_into_scope_is_seen_whole()
    {
        (PodNetwork d, PodNetwork e, PodNetwork _) = Mirrored(bridged: false);
        int port = ++_port;
        using Socket receiver = Receiver(e, port);
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        for (int i = 0; i < 300; i++)
        {
            if (i % 100 == 50) _node.Mirror(1, e);
            if (i % 100 == 0 && i > 0) _node.Mirror(1, d, e);
            Send(d, With(Datagram(d, e, port, i, id: (ushort)i), d, e, bridged: false));
        }

        Assert.That(Received(receiver), Is.EqualTo(300));
        await _node.SettledAsync(before.Seen + 300);
        Assert.That(await SeenAsync(sensor, port), Is.EqualTo(300), "each once, from the one link or the other");
    }

    private void Add(string name, bool bridged)
    {
        PodNetwork pod = bridged ? _node.Node.AddBridged(name) : _node.Node.AddRouted(name);
        _pods[name] = pod;
        _node.Silence(pod);
        if (!bridged) _node.Node.Namespace.Sysctl($"net/ipv4/conf/{pod.HostLink}/rp_filter", "0");
    }

    private (PodNetwork D, PodNetwork E, PodNetwork K) Mirrored(bool bridged)
    {
        string suffix = bridged ? "b" : "r";
        (PodNetwork d, PodNetwork e, PodNetwork k) = (_pods["d" + suffix], _pods["e" + suffix], _pods["k" + suffix]);
        _node.Mirror(1, d, e);
        // ARP is settled, and the bridge knows where everybody is.
        foreach (PodNetwork pod in new[] { d, k }) UdpTalk.Echo(pod, e, e.Ipv4, ++_port);
        return (d, e, k);
    }

    private byte[] Datagram(PodNetwork from, PodNetwork to, int port, int number, ushort id, int size = 40) =>
        With(FrameBuilder.Ethernet(0x0800, Packet(from, to, port, [(byte)number, .. new byte[size - 1]], id)),
            from, to, from.Name.EndsWith('b'));

    private static byte[] Packet(PodNetwork from, PodNetwork to, int port, byte[] payload, ushort id) =>
        FrameBuilder.Ipv4(
            $"{from.Ipv4}", $"{to.Ipv4}", 17, FrameBuilder.Udp($"{from.Ipv4}", $"{to.Ipv4}", 5000, (ushort)port, payload), id);

    /// <summary>The frame with the MACs that it needs on the sender's link.</summary>
    private byte[] With(byte[] frame, PodNetwork from, PodNetwork to, bool bridged)
    {
        byte[] made = [.. frame];
        string hop = bridged ? Mac(to) : MirroredNode.MacOf(_node.Node.Namespace, from.HostLink);
        Convert.FromHexString(hop.Replace(":", "", StringComparison.Ordinal)).CopyTo(made, 0);
        Convert.FromHexString(Mac(from).Replace(":", "", StringComparison.Ordinal)).CopyTo(made, 6);
        return made;
    }

    private static string Mac(PodNetwork pod) => MirroredNode.MacOf(pod);

    private static void Send(PodNetwork pod, byte[] frame)
    {
        using var injector = new FrameInjector(pod);
        injector.Send(frame);
    }

    private static Socket Receiver(PodNetwork pod, int port)
    {
        Socket socket = pod.OpenSocket(pod.Ipv4, SocketType.Dgram);
        socket.Bind(new IPEndPoint(pod.Ipv4, port));
        socket.ReceiveTimeout = 300;
        socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(1 << 20));
        return socket;
    }

    private static int Received(Socket socket)
    {
        byte[] buffer = new byte[2000];
        int count = 0;
        try
        {
            for (; ; count++) socket.Receive(buffer);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return count;
        }
    }

    private static async Task<int> SeenAsync(LinkCapture sensor, int port) =>
        TunnelJudge.Judge(await sensor.StopAsync()).Count(frame => frame.Last("udp.dstport") == $"{port}");
}
