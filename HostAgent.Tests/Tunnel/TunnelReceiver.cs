using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Takes the inner frames out of what reaches a sensor's link or its socket; on the link, fragments are put together again.
/// </summary>
internal sealed class TunnelReceiver : IDisposable
{
    private const int Ethernet = 14, Udp = 8, Vxlan = 8, SolSocket = 1, SoRcvbufForce = 33;

    private readonly Socket _socket;
    private readonly ushort _port;
    private readonly SensorTally? _tally;
    private readonly byte[] _buffer = new byte[1 << 17];
    private readonly List<byte> _fragments = [];

    private TunnelReceiver(Socket socket, ushort port, SensorTally? tally)
    {
        (_socket, _port, _tally) = (socket, port, tally);
        _socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(256 << 20));
        _socket.ReceiveTimeout = 5_000;
    }

    /// <summary>What the demo's receiver says of the outer headers; null at a socket, which sees none.</summary>
    public SensorReport? Judged => _tally?.Report(0);

    public static TunnelReceiver OnLink(PodNetwork sensor, ushort port, int mtu) =>
        new(sensor.Namespace.Run(() => PacketSocket.Open(PodNetwork.Link, receive: true)), port, new SensorTally(port, mtu));

    public static TunnelReceiver OnSocket(PodNetwork sensor, IPAddress address, ushort port)
    {
        Socket socket = sensor.Namespace.OpenSocket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, port));
        return new TunnelReceiver(socket, port, null);
    }

    /// <summary>The next inner frames; fewer when no more come.</summary>
    public List<byte[]> Receive(int count)
    {
        var inner = new List<byte[]>(count);
        try
        {
            while (inner.Count < count)
            {
                Span<byte> received = _buffer.AsSpan(0, _socket.Receive(_buffer));
                _tally?.Take(received);
                if (_tally is null) inner.Add(received[Vxlan..].ToArray());
                else if (Datagram(received) is { } datagram) inner.Add(datagram[(Udp + Vxlan)..]);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            // What is missing is the caller's to judge.
        }

        return inner;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>The UDP datagram that this frame is, or is the last fragment of; they come in order.</summary>
    private byte[]? Datagram(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> packet = frame[Ethernet..], payload;
        bool more = false;
        int offset = 0;
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case 0x0800 when packet[9] == 17:
                payload = packet[20..BinaryPrimitives.ReadUInt16BigEndian(packet[2..])];
                more = (packet[6] & 0x20) != 0;
                offset = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x1FFF) * 8;
                break;
            case 0x86DD when packet[6] == 17:
                payload = packet.Slice(40, BinaryPrimitives.ReadUInt16BigEndian(packet[4..]));
                break;
            case 0x86DD when packet[6] == 44:
                payload = packet[48..(40 + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]))];
                more = (packet[43] & 1) != 0;
                offset = BinaryPrimitives.ReadUInt16BigEndian(packet[42..]) & 0xFFF8;
                break;
            default:
                return null;
        }

        if (offset != _fragments.Count) throw new AssertionException($"a fragment at {offset} after {_fragments.Count} bytes");
        _fragments.AddRange(payload);
        if (more) return null;
        byte[] datagram = [.. _fragments];
        _fragments.Clear();
        return BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(2)) == _port ? datagram : null;
    }
}
