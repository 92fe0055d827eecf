using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using HostAgent.Interop;

namespace HostAgent.Lab;

/// <summary>
/// A packet(7) socket on one link: what the demo's receiver sniffs with and what tests put frames on a link with. It is deliberately
/// not the agent's: a fault of the one must not hide a fault of the other.
/// </summary>
internal static class PacketSocket
{
    private const ushort EthPAll = 3;

    /// <summary>Opens the socket in the namespace of the calling thread.</summary>
    /// <param name="link">The link's name.</param>
    /// <param name="receive">False for a socket that only sends.</param>
    public static Socket Open(string link, bool receive)
    {
        var socket = new Socket(AddressFamily.Packet, SocketType.Raw, 0);
        try
        {
            socket.Bind(new LinkEndPoint(Index(link), receive ? EthPAll : (ushort)0));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static int Index(string link) => NetIf.if_nametoindex(link) switch
    {
        0 => throw ErrnoException.Last("if_nametoindex", link),
        uint index => (int)index,
    };

    /// <summary>struct sockaddr_ll (linux/if_packet.h), as far as bind needs it.</summary>
    private sealed class LinkEndPoint(int index, ushort protocol) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, 20);
            Span<byte> bytes = address.Buffer.Span;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], protocol);
            BitConverter.TryWriteBytes(bytes[4..], index);
            return address;
        }
    }
}
