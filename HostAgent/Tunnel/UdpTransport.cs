using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Policy;
using HostAgent.Sensors;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// For a sensor that receives UDP on a socket: ordinary UDP sockets, one for each source port, since a socket has only one. The kernel
/// routes, fragments and fills in the checksum.
/// </summary>
internal sealed unsafe class UdpTransport : Transport
{
    private readonly NativeSocket[] _sockets;
    private readonly SendBatch[] _batches;
    private readonly ShardLedger _ledger;

    /// <param name="sensor">Where to.</param>
    /// <param name="policy">Ports.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    /// <exception cref="ErrnoException">No source port of the range is free (EADDRINUSE), or the sensor cannot be reached.</exception>
    public UdpTransport(SensorEndpoint sensor, SensorPolicy policy, ShardLedger ledger, int shard)
        : base(policy)
    {
        bool v6 = sensor.Address.AddressFamily == AddressFamily.InterNetworkV6;
        MaxInnerFrame = Vxlan.MaxInnerFrame(sensor.Address.AddressFamily, sensor.Link.Mtu);
        var sockets = new List<NativeSocket>(policy.SourcePortCount);
        try
        {
            ErrnoException? refused = null;
            for (int i = 0; i < policy.SourcePortCount; i++)
            {
                NativeSocket socket = NativeSocket.Open(
                    NetinetIn.Family(sensor.Address), SOCK_DGRAM, 0, $"UDP port {policy.FirstSourcePort + i} to sensor {sensor.Address}");
                sockets.Add(socket);
                try
                {
                    Connect(socket, sensor, policy.FirstSourcePort + i, v6);
                }
                catch (ErrnoException e) when (e.Errno == Errno.EADDRINUSE)
                {
                    // Another program has this port. The flows share those that are left.
                    refused = e;
                    sockets.Remove(socket);
                    socket.Dispose();
                }
            }

            if (sockets.Count == 0) throw refused!;
        }
        catch
        {
            sockets.ForEach(s => s.Dispose());
            throw;
        }

        _ledger = ledger;
        _sockets = [.. sockets];
        _batches = [.. _sockets.Select(s => new SocketBatch(s, ledger, shard, datagramsPerMessage: NetinetUdp.MaxSegments))];
    }

    public override int HeaderLength => Vxlan.HeaderLength;

    public override int MaxInnerFrame { get; }

    public override SendBatch BatchOf(uint flowHash) => _batches[Choose(flowHash, _batches.Length)];

    protected override void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        Vxlan.Write(frame - Vxlan.HeaderLength, vni);
        Add(batch, new Bytes(frame - Vxlan.HeaderLength, Vxlan.HeaderLength + length), default);
    }

    protected override void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        Vxlan.Write(header, vni);
        Add(batch, new Bytes(header, Vxlan.HeaderLength + innerHeaderLength), new Bytes(payload, payloadLength));
    }

    protected override bool WriteBeside(uint vni, uint flowHash, byte* frame, int length)
    {
        byte* at = frame - Vxlan.HeaderLength;
        Vxlan.Write(at, vni);
        NativeSocket socket = _sockets[Choose(flowHash, _sockets.Length)];
        int errno = socket.Send(at, Vxlan.HeaderLength + length);
        if (errno != Errno.ECONNREFUSED) return errno == 0;
        // An answer to an earlier datagram, reported now; this one has not been tried.
        _ledger.Unreachable();
        return socket.Send(at, Vxlan.HeaderLength + length) == 0;
    }

    public override void Flush()
    {
        foreach (SendBatch batch in _batches) batch.Flush();
    }

    public override void Dispose()
    {
        foreach (SendBatch batch in _batches) batch.Dispose();
        foreach (NativeSocket socket in _sockets) socket.Dispose();
    }

    private void Add(SendBatch batch, Bytes first, Bytes second)
    {
        bool fits = first.Length + second.Length <= Vxlan.HeaderLength + MaxInnerFrame;
        if (!fits) batch.Fragmented();
        batch.Add(first, second, alone: !fits);
    }

    private static void Connect(NativeSocket socket, SensorEndpoint sensor, int port, bool v6)
    {
        // Each shard has a socket of its own for every port.
        socket.Set("SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1);
        socket.Set("SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, new timeval { tv_usec = 100_000 });
        if (v6)
        {
            socket.Set("IPV6_MTU_DISCOVER", NetinetIn.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DONT);
            socket.Bind(NetinetIn.V6(sensor.Source, port));
            socket.Connect(NetinetIn.V6(sensor.Address, sensor.Port));
        }
        else
        {
            socket.Set("IP_MTU_DISCOVER", NetinetIn.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
            socket.Bind(NetinetIn.V4(sensor.Source, port));
            socket.Connect(NetinetIn.V4(sensor.Address, sensor.Port));
        }
    }
}
