using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Pipeline;

/// <summary>A pod that sends UDP as fast as it is told to, over many flows, on a thread of its own, to nobody.</summary>
internal sealed class Flood : IDisposable
{
    private const int SolUdp = 17, UdpSegment = 103;

    private readonly Socket[] _flows;
    private readonly Thread _thread;
    private volatile bool _ended;
    private long _sent;

    /// <param name="pod">Who floods.</param>
    /// <param name="to">An address that swallows everything.</param>
    /// <param name="flows">How many.</param>
    /// <param name="perSecond">Sends a second.</param>
    /// <param name="segments">Datagrams of a send, in one super-datagram.</param>
    /// <param name="segmentSize">Bytes of payload of each.</param>
    public Flood(PodNetwork pod, IPAddress to, int flows, int perSecond, int segments, int segmentSize)
    {
        _flows = [.. Enumerable.Range(0, flows).Select(_ =>
        {
            Socket socket = pod.OpenSocket(to, SocketType.Dgram);
            if (segments > 1) socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(segmentSize));
            socket.Connect(to, 9);
            return socket;
        })];
        _thread = new Thread(() => Send(new byte[segments * segmentSize], perSecond)) { IsBackground = true, Name = "flood" };
        _thread.Start();
    }

    public long Sent => Volatile.Read(ref _sent);

    public void Dispose()
    {
        _ended = true;
        _thread.Join();
        foreach (Socket flow in _flows) flow.Dispose();
    }

    private void Send(byte[] payload, int perSecond)
    {
        var pace = new Pace(perSecond);
        while (!_ended)
        {
            for (int due = pace.NextAsync(default).GetAwaiter().GetResult(); due > 0 && !_ended; due--)
            {
                _flows[_sent % _flows.Length].Send(payload);
                _sent++;
            }
        }
    }
}
