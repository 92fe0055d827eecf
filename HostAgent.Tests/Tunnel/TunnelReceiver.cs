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
    private const int SolSocket = 1, SoRcvbufForce = 33;

    private readonly Socket _socket;
    private readonly bool _onLink;
    private readonly Frames _frames;
    private readonly byte[] _buffer = new byte[1 << 17];

    private TunnelReceiver(Socket socket, bool onLink, ushort port, int mtu)
    {
        (_socket, _onLink, _frames) = (socket, onLink, new Frames(port, mtu));
        _socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(256 << 20));
        _socket.ReceiveTimeout = 5_000;
    }

    /// <summary>What the lab's tally says of it all; of outer headers nothing at a socket, which sees none.</summary>
    public SensorReport Judged => _frames.Report(0);

    public static TunnelReceiver OnLink(PodNetwork sensor, ushort port, int mtu) =>
        new(sensor.Namespace.Run(() => PacketSocket.Open(PodNetwork.Link, receive: true)), onLink: true, port, mtu);

    public static TunnelReceiver OnSocket(PodNetwork sensor, IPAddress address, ushort port)
    {
        Socket socket = sensor.Namespace.OpenSocket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, port));
        return new TunnelReceiver(socket, onLink: false, port, int.MaxValue);
    }

    /// <summary>The next inner frames; fewer when no more come.</summary>
    public List<byte[]> Receive(int count)
    {
        _frames.Inner = new List<byte[]>(count);
        try
        {
            while (_frames.Inner.Count < count)
            {
                Span<byte> received = _buffer.AsSpan(0, _socket.Receive(_buffer));
                if (_onLink) _frames.Take(received);
                else _frames.TakeVxlan(received);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            // What is missing is the caller's to judge.
        }

        return _frames.Inner;
    }

    public void Dispose() => _socket.Dispose();

    private sealed class Frames(ushort port, int mtu) : SensorTally(port, mtu)
    {
        private readonly ushort _port = port;
        private readonly List<byte> _fragments = [];

        public List<byte[]> Inner { get; set; } = [];

        protected override void Carried(ReadOnlySpan<byte> inner) => Inner.Add(inner.ToArray());

        /// <summary>They come in order. Only the first knows the port.</summary>
        protected override void Fragment(ReadOnlySpan<byte> payload, int offset, bool more)
        {
            if (offset != _fragments.Count) throw new AssertionException($"a fragment at {offset} after {_fragments.Count} bytes");
            _fragments.AddRange(payload);
            if (more) return;
            byte[] datagram = [.. _fragments];
            _fragments.Clear();
            if (BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(2)) == _port) TakeVxlan(datagram.AsSpan(8));
        }
    }
}
