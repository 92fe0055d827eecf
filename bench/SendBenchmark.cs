using System.Net;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using HostAgent.Configuration;
using HostAgent.Demo;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Tunnel;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench;

/// <summary>
/// From the ring through the send call, per frame, and the send call alone with datagrams of the same number and size: the difference is the
/// agent's own work. A veth in a namespace made for the purpose takes the datagrams.
/// </summary>
[MemoryDiagnoser]
public unsafe class SendBenchmark
{
    private const int Count = 128;
    private const int SinkIndex = 100;
    private readonly ShardLedger _ledger = new();
    private NetworkNamespace _namespace = null!;
    private FrameSender _sender = null!;
    private MemoryBlock _block = null!;
    private LinkTransport _transport = null!;
    private NativeSocket _socket = null!;
    private mmsghdr* _messages;
    private int _messageCount;

    public enum Kind
    {
        SmallUdp,
        TcpSegment,
        SuperFrame,
    }

    [Params(Kind.SmallUdp, Kind.TcpSegment, Kind.SuperFrame)]
    public Kind Frame { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _namespace = NetworkNamespace.Create($"ha-bench-{Environment.ProcessId}");
        _namespace.Ip("link add sink index 100 mtu 9000 type veth peer name other mtu 9000");
        _namespace.Ip("link set sink up");
        _namespace.Ip("link set other up");
        var link = new Link { Index = SinkIndex, Name = "sink", Mtu = 9000, Up = true };
        var endpoint = new SensorEndpoint(IPAddress.Parse("192.0.2.2"), 4789, link, IPAddress.Parse("192.0.2.1"));
        _transport = NamespaceThread.Run(_namespace.Path, () => new LinkTransport(endpoint, new SensorPolicy(), _ledger, 0));
        var pod = new MirroredPod("bench", "pod", "uid", 1);
        var links = new LinkTable([.. Enumerable.Range(1, 110).Select(i => new MirroredLink(i, pod, 1, 0, 0, [new LinkCounters()]))]);
        _sender = new FrameSender(_ledger, 0) { Plan = new ShardPlan(links, [_transport], [endpoint]) };
        _block = Frame switch
        {
            Kind.SmallUdp => new MemoryBlock(Frames.Udp(64), default, Count),
            Kind.TcpSegment => new MemoryBlock(Frames.Tcp(1448), Frames.TcpOffload(0), Count),
            _ => new MemoryBlock(Frames.Tcp(45 * 1448), Frames.TcpOffload(1448), Count),
        };
        PrepareMessages();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _socket.Dispose();
        _transport.Dispose();
        _namespace.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void Send()
    {
        _sender.Send(_block);
        _block.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Count, Baseline = true)]
    public void SendCallAlone()
    {
        for (int sent = 0; sent < _messageCount; sent += Count)
        {
            _ = sendmmsg(_socket.Descriptor, _messages + sent, Count, 0);
        }
    }

    private void PrepareMessages()
    {
        (int bytes, int perFrame) = Frame switch { Kind.SmallUdp => (50 + 42 + 64, 1), Kind.TcpSegment => (50 + 66 + 1448, 1), _ => (50 + 66 + 1448, 45) };
        _messageCount = Count * perFrame;
        _messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)_messageCount, (nuint)sizeof(mmsghdr));
        var parts = (iovec*)NativeMemory.AllocZeroed((nuint)_messageCount, (nuint)sizeof(iovec));
        byte* datagram = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        datagram[12] = 8;
        for (int i = 0; i < _messageCount; i++)
        {
            parts[i] = new iovec { iov_base = datagram, iov_len = (nuint)bytes };
            _messages[i].msg_hdr.msg_iov = parts + i;
            _messages[i].msg_hdr.msg_iovlen = 1;
        }

        _socket = NamespaceThread.Run(_namespace.Path, () => NativeSocket.Open(AF_PACKET, SOCK_RAW, 0, "sink"));
        _socket.Set("PACKET_QDISC_BYPASS", SOL_PACKET, LinuxIfPacket.PACKET_QDISC_BYPASS, 1);
        _socket.Bind(new LinuxIfPacket.sockaddr_ll { sll_family = AF_PACKET, sll_ifindex = SinkIndex });
    }
}
