using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// A sensor that receives UDP on a socket, on a thread of its own, and keeps all that it is sent. Not a <see cref="TunnelReceiver"/>: the
/// tests want source ports and whole datagrams.
/// </summary>
internal sealed class UdpSensor : IDisposable
{
    private const int SolSocket = 1, SoRcvbufForce = 33;

    private readonly Socket _socket;
    private readonly Thread _thread;
    private readonly List<(int Port, byte[] Datagram)> _received = [];

    public UdpSensor(NetworkNamespace where, IPAddress address, ushort port)
    {
        _socket = where.OpenSocket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(256 << 20));
        _socket.Bind(new IPEndPoint(address, port));
        _socket.ReceiveTimeout = 50;
        _thread = new Thread(Receive) { IsBackground = true, Name = "sensor" };
        _thread.Start();
    }

    /// <summary>Source port and payload of everything up to now.</summary>
    public IReadOnlyList<(int Port, byte[] Datagram)> Received
    {
        get
        {
            lock (_received) return [.. _received];
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _thread.Join();
    }

    private void Receive()
    {
        byte[] buffer = new byte[65536];
        EndPoint peer = new IPEndPoint(_socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                int length = _socket.ReceiveFrom(buffer, ref peer);
                lock (_received) _received.Add((((IPEndPoint)peer).Port, buffer[..length]));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
            {
                // Nothing was sent for a while.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
