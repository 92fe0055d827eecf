using System.Net;
using HostAgent.Bench.Traffic;
using HostAgent.Interop;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Sensors;

/// <summary>A sensor that reads a UDP socket, in batches, and takes runs of equal datagrams as one (UDP_GRO).</summary>
internal sealed unsafe class SocketReceiver : IReceiver
{
    private const int WaitMilliseconds = 100;
    private const int Batch = 64;
    private const int HeaderOfControl = 16; // struct cmsghdr

    private readonly NativeSocket _socket;
    private readonly MessageBatch _batch = new(Batch, 65536);

    /// <param name="address">Of this process's namespace.</param>
    /// <param name="count">The first.</param>
    public SocketReceiver(IPAddress address, TunnelCount count)
    {
        Count = count;
        _socket = NativeSocket.Open(AF_INET, SOCK_DGRAM, 0, $"sensor {address}");
        _socket.Set("SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, 512 << 20);
        _socket.Set("UDP_GRO", NetinetUdp.SOL_UDP, NetinetUdp.UDP_GRO, 1);
        _socket.Bind(NetinetIn.V4(address, TunnelCount.Port));
    }

    public TunnelCount Count { get; set; }

    /// <summary>Its buffer holds whatever a test can send.</summary>
    public long Dropped => 0;

    public bool Receive()
    {
        _batch.ResetControl();
        int received = recvmmsg(_socket.Descriptor, _batch.Messages, Batch, MSG_DONTWAIT, null);
        if (received <= 0)
        {
            var descriptor = new SysPoll.pollfd { fd = _socket.Descriptor, events = SysPoll.POLLIN };
            return SysPoll.poll(&descriptor, 1, WaitMilliseconds) > 0;
        }

        Count.Time = RealTime.Now;
        for (int i = 0; i < received; i++)
        {
            int left = (int)_batch.Messages[i].msg_len;
            int each = DatagramLength(_batch.Messages[i].msg_hdr) ?? left;
            for (byte* at = _batch.Payload(i); left > 0; at += each, left -= each)
                Count.TakeVxlan(new ReadOnlySpan<byte>(at, Math.Min(each, left)));
        }

        return true;
    }

    public void Dispose()
    {
        _batch.Dispose();
        _socket.Dispose();
    }

    /// <summary>What UDP_GRO says (udp(7)): the message holds datagrams of this size, the last one perhaps shorter.</summary>
    private static int? DatagramLength(in msghdr message)
    {
        if (message.msg_controllen < HeaderOfControl + sizeof(int)) return null;
        byte* control = (byte*)message.msg_control;
        return *(int*)(control + 8) == NetinetUdp.SOL_UDP && *(int*)(control + 12) == NetinetUdp.UDP_GRO
            ? *(int*)(control + HeaderOfControl)
            : null;
    }
}
