using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using HostAgent.Accounts;
using HostAgent.Bench.Sensors;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tunnel;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Micro;

/// <summary>A link of its own, in a namespace made for the purpose, that takes datagrams and drops them, and senders onto it.</summary>
internal sealed class SendPath : IDisposable
{
    private const int LinkIndex = 100;

    private static readonly Link Sink = new() { Index = LinkIndex, Name = "sink", Mtu = 9000, Up = true };

    private readonly List<Transport> _transports = [];
    private readonly List<Socket> _listeners = [];
    private readonly NetworkNamespace _node = NetworkNamespace.Create(Owned.Name(SystemBenchmark.Prefix));
    private readonly string _folder = Directory.CreateTempSubdirectory($"{Owned.Name(SystemBenchmark.Prefix)}-").FullName;

    public SendPath()
    {
        _node.Ip($"link add sink index {LinkIndex} mtu 9000 type veth peer name other mtu 9000");
        _node.Ip("link set sink up");
        _node.Ip("link set other up");
        _node.Ip("link set lo up");
    }

    /// <summary>A sender of the agent, with 110 captured links, of which that of <see cref="FrameBlocks"/> is one.</summary>
    /// <param name="traffic">How much of it is wanted; null for all.</param>
    /// <param name="givesUp">All flows are given up, as in overload.</param>
    public FrameSender NewSender(RuleTraffic? traffic = null, bool givesUp = false)
    {
        var ledger = new ShardLedger();
        var endpoint = new SensorEndpoint(IPAddress.Parse("192.0.2.2"), 4789, Sink, IPAddress.Parse("192.0.2.1"));
        LinkTransport transport = _node.Run(() => new LinkTransport(endpoint, new SensorPolicy(), ledger, 0));
        return NewSender(transport, endpoint, ledger, traffic ?? RuleTraffic.All, givesUp);
    }

    /// <summary>A sender that writes into a stream, which a thread of this process reads and forgets.</summary>
    /// <param name="encrypted">Over TLS. It is forgotten undecrypted.</param>
    public (FrameSender Sender, StreamTransport Transport, ShardLedger Ledger) NewStreamSender(bool encrypted)
    {
        StreamFiles? files = encrypted ? new StreamFiles(_folder) : null;
        files?.Make();
        Socket listener = _node.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listeners.Add(listener);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        new Thread(() => Forget(listener, files)) { IsBackground = true, Name = "reader" }.Start();
        var ledger = new ShardLedger();
        var policy = new SensorPolicy { Reads = SensorReads.Stream, Format = encrypted ? StreamFormat.Pcapng : StreamFormat.Pcap };
        StreamSecurity? security = files is null ? null : new StreamSecurity(files.OfAgent, StreamFiles.ServerName, "bench");
        ushort port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
        var endpoint = new SensorEndpoint(IPAddress.Loopback, port, Sink, IPAddress.Loopback);
        var transport = new StreamTransport(
            new StreamConnection(endpoint, RecordFormat.Of(policy.Format), users: 1, security), endpoint, policy, ledger, 0);
        while (!_node.Run(() => Opens(transport))) Thread.Sleep(1);
        return (NewSender(transport, endpoint, ledger, RuleTraffic.All, givesUp: false), transport, ledger);
    }

    private FrameSender NewSender(
        Transport transport, SensorEndpoint endpoint, ShardLedger ledger, RuleTraffic traffic, bool givesUp)
    {
        _transports.Add(transport);
        var pod = new MirroredPod("bench", "pod", "uid", 1);
        pod.Limit(traffic.Rate);
        var links = new LinkTable([.. Enumerable.Range(1, 110).Select(i => new MirroredLink(i, pod, 1, 0, 0, [new LinkCounters(i)])
        {
            Filter = traffic.Filter,
            Always = traffic.Always,
            Sample = new FlowSample(traffic.Sample),
            Slice = traffic.Slice,
            Bucket = pod.Bucket,
        })]);
        foreach (LinkLoad load in links.Links.Select(link => link.Shards[0].Load))
        {
            for (int part = 0; givesUp && part < FlowPart.Count; part++) load.GiveUp();
        }

        return new FrameSender(ledger, 0) { Plan = new ShardPlan(links, [transport], [endpoint]) };
    }

    /// <summary>A bare socket to the same link.</summary>
    public NativeSocket NewSocket()
    {
        NativeSocket socket = _node.Run(() => NativeSocket.Open(AF_PACKET, SOCK_RAW, 0, "sink"));
        socket.Set("PACKET_QDISC_BYPASS", SOL_PACKET, LinuxIfPacket.PACKET_QDISC_BYPASS, 1);
        socket.Bind(new LinuxIfPacket.sockaddr_ll { sll_family = AF_PACKET, sll_ifindex = LinkIndex });
        return socket;
    }

    public void Dispose()
    {
        _transports.ForEach(t => t.Dispose());
        _listeners.ForEach(listener => listener.Dispose());
        _node.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static bool Opens(Transport transport)
    {
        transport.Flush();
        return transport.IsOpen;
    }

    private static void Forget(Socket listener, StreamFiles? files)
    {
        byte[] buffer = new byte[1 << 20];
        using Socket connection = listener.Accept();
        if (files is not null) Greet(connection, files.OfReceiver);
        while (connection.Receive(buffer, SocketFlags.None, out _) > 0)
        {
        }
    }

    private static void Greet(Socket connection, TlsFiles files)
    {
        // Not disposed, since that would end what it has begun.
        var tls = new SslStream(new NetworkStream(connection));
        tls.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = files.Read().Shown,
            EnabledSslProtocols = SslProtocols.Tls13,
        });
        TlsGreeting.ExchangeAsync(tls, refusal: null, CancellationToken.None).GetAwaiter().GetResult();
    }
}
