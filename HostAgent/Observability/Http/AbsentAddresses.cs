using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using HostAgent.Interop;
using Microsoft.Extensions.Logging;

namespace HostAgent.Observability;

/// <summary>
/// Lets the agent listen on an address that the host does not have: the agent may be up before the node's address is, and outlive it. The
/// kernel binds such a socket (IP_FREEBIND) and hands it connections from the moment the address is there. What is left to do is to say so.
/// </summary>
/// <param name="listen">All addresses.</param>
/// <param name="logger">For changes.</param>
/// <param name="tls">Whether those that are not loopback are served over TLS.</param>
internal sealed class AbsentAddresses(ImmutableArray<IPEndPoint> listen, ILogger logger, bool tls = false)
{
    private readonly Lock _gate = new();
    private ImmutableArray<IPEndPoint> _present = [];
    private ImmutableArray<IPEndPoint> _absent = [];

    /// <summary>Opens a listener's socket.</summary>
    /// <exception cref="IOException">It cannot be bound; the message names the address.</exception>
    public static Socket Bind(IPEndPoint address)
    {
        Socket? socket = null;
        try
        {
            socket = Open(address.Address, SocketType.Stream);
            (int level, int option) = address.AddressFamily == AddressFamily.InterNetworkV6
                ? (NetinetIn.IPPROTO_IPV6, SysSocket.IPV6_FREEBIND)
                : (NetinetIn.IPPROTO_IP, SysSocket.IP_FREEBIND);
            socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
            socket.Bind(address);
            return socket;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            string mend = e.SocketErrorCode == SocketError.AccessDenied && address.Port < 1024
                ? "a port below 1024 needs the capability NET_BIND_SERVICE, or take a higher one"
                : "name another one with --listen";
            throw new IOException($"cannot listen on {address}: {e.Message}; {mend}", e);
        }
    }

    /// <summary>Looks again, and logs what has changed.</summary>
    /// <returns>What is not listened on, in words for an operator; null when all is.</returns>
    public string? Look()
    {
        lock (_gate)
        {
            ImmutableArray<IPEndPoint> absent = [.. listen.Where(address => !HostHas(address.Address))];
            ImmutableArray<IPEndPoint> present = [.. listen.Except(absent)];
            string? problem = absent.IsEmpty
                ? null
                : $"nothing is served at {string.Join(" and ", absent)} until the host has the address: add it, or mend --listen";
            foreach (IPEndPoint address in present.Except(_present))
            {
                bool loopback = IPAddress.IsLoopback(address.Address);
                logger.LogInformation("Listening on {Scheme}://{Address} for {Paths}", tls && !loopback ? "https" : "http", address,
                    tls || loopback ? "/ /metrics /livez /readyz /status" : "/metrics /livez /readyz");
            }

            if (absent.Except(_absent).Any()) logger.LogWarning("{Problem}", problem);
            (_present, _absent) = (present, absent);
            return problem;
        }
    }

    /// <summary>The kernel is asked, as it alone knows of all that an address may come from (interfaces, local routes, settings).</summary>
    private static bool HostHas(IPAddress address)
    {
        try
        {
            using Socket socket = Open(address, SocketType.Dgram);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException e)
        {
            // Whatever else is wrong with the attempt says nothing of the address.
            return e.SocketErrorCode != SocketError.AddressNotAvailable;
        }
    }

    private static Socket Open(IPAddress address, SocketType type)
    {
        var socket = new Socket(address.AddressFamily, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        // [::] is every IPv4 address, too.
        if (address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
        return socket;
    }
}
