using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>Puts frames on a link as a stack with offload does: with the metadata beside them (packet(7), PACKET_VNET_HDR).</summary>
internal sealed class FrameInjector : IDisposable
{
    private const int SolPacket = 263, PacketVnetHdr = 15;

    private readonly Socket _socket;

    public FrameInjector(PodNetwork pod) : this(pod.Namespace, PodNetwork.Link)
    {
    }

    public FrameInjector(NetworkNamespace where, string link)
    {
        _socket = where.Run(() => PacketSocket.Open(link, receive: false));
        _socket.SetRawSocketOption(SolPacket, PacketVnetHdr, BitConverter.GetBytes(1));
    }

    public void Send(CraftedFrame frame) => Assert.That(_socket.Send(frame.ToPacket()), Is.EqualTo(frame.Bytes.Length + 10));

    /// <summary>A finished frame.</summary>
    public void Send(byte[] frame) => Send(new CraftedFrame("", "", frame, 0, 0, 0));

    public void Dispose() => _socket.Dispose();
}
