using System.Net;
using System.Net.Sockets;

namespace HostAgent.Links;

/// <summary>
/// Makes the kernel look for a neighbour. A pod behind a bridge that has not spoken yet, and to which nobody on the host speaks, has no
/// neighbour entry, and no frame of it can be learned from. An empty datagram to its discard port (RFC 863) makes the kernel ask for its
/// MAC; the answer is a notification, which leads to the next survey. It dies at the first router, so it stays on the host's links.
/// Must be called on a thread of the host's network namespace. Not thread-safe.
/// </summary>
internal sealed class NeighbourPrompt
{
    private const int DiscardPort = 9;

    /// <summary>As long as the kernel itself waits between two questions for a neighbour.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private Dictionary<IPAddress, long> _asked = [];

    /// <summary>Asks for each address, but for none more often than once in a second.</summary>
    public void Ask(IReadOnlyCollection<IPAddress> sought)
    {
        var asked = new Dictionary<IPAddress, long>();
        foreach (IPAddress address in sought)
        {
            bool lately = _asked.TryGetValue(address, out long at) && Environment.TickCount64 - at < Interval.TotalMilliseconds;
            if (!lately) Send(address);
            asked[address] = lately ? at : Environment.TickCount64;
        }

        _asked = asked;
    }

    private static void Send(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Ttl = 1 };
            socket.SendTo([], new IPEndPoint(address, DiscardPort));
        }
        catch (SocketException)
        {
            // There is no way to it at all; the lookups' own reasons say so.
        }
    }
}
