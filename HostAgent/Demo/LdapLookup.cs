using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>
/// What a program with the Log4j flaw does when it is told to look up <c>ldap://HOST:1389/a</c>: it binds without a name and searches for
/// the object. Nothing is exploited here: the answer is that there is none.
/// </summary>
internal static class LdapLookup
{
    /// <summary>The port that the usual demonstrations of CVE-2021-44228 listen on.</summary>
    public const ushort Port = 1389;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // LDAPMessage in BER, RFC 4511: 4.2 BindRequest (version 3, anonymous), 4.5.1 SearchRequest (base "a", present objectClass).
    private static readonly byte[] BindRequest = Convert.FromHexString("300C020101600702010304008000");
    private static readonly byte[] BindResponse = Convert.FromHexString("300C02010161070A010004000400");
    private static readonly byte[] SearchRequest =
        Convert.FromHexString("302502010263200401610A01000A0100020100020100010100870B6F626A656374436C6173733000");

    private static readonly byte[] NoSuchObject = Convert.FromHexString("300C02010265070A012004000400");

    /// <summary>One lookup on a connection of its own.</summary>
    /// <exception cref="SocketException">The two cannot reach each other.</exception>
    /// <exception cref="TimeoutException">No answer.</exception>
    public static async Task RunAsync(PodNetwork from, PodNetwork to, CancellationToken cancellation)
    {
        using Socket listener = to.Listen(to.Ipv4, Port);
        Task serving = ServeAsync(listener, cancellation);
        using Socket client = from.OpenSocket(to.Ipv4, SocketType.Stream);
        await client.ConnectAsync(new IPEndPoint(to.Ipv4, Port), cancellation).ConfigureAwait(false);
        byte[] answer = new byte[64];
        foreach (byte[] request in new[] { BindRequest, SearchRequest })
        {
            await client.SendAsync(request, cancellation).ConfigureAwait(false);
            await client.ReceiveAsync(answer, cancellation).AsTask().WaitAsync(Patience, cancellation).ConfigureAwait(false);
        }

        client.Shutdown(SocketShutdown.Send);
        await serving.WaitAsync(Patience, cancellation).ConfigureAwait(false);
    }

    private static async Task ServeAsync(Socket listener, CancellationToken cancellation)
    {
        using Socket connection = await listener.AcceptAsync(cancellation).ConfigureAwait(false);
        byte[] request = new byte[256];
        foreach (byte[] response in new[] { BindResponse, NoSuchObject })
        {
            await connection.ReceiveAsync(request, cancellation).ConfigureAwait(false);
            await connection.SendAsync(response, cancellation).ConfigureAwait(false);
        }

        // Until the client has closed.
        await connection.ReceiveAsync(request, cancellation).ConfigureAwait(false);
    }
}
