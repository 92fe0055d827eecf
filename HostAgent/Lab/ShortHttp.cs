using System.Net;
using System.Net.Sockets;
using System.Text;

namespace HostAgent.Lab;

/// <summary>HTTP requests from one pod to another, each on a connection of its own.</summary>
internal static class ShortHttp
{
    private const ushort Port = 80;
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("GET /healthz HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n");
    private static readonly byte[] Response = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\nConnection: close\r\n\r\n" + new string('x', 3000));

    /// <summary>Requests, one after the other, until <paramref name="count"/> are answered or it is cancelled.</summary>
    /// <returns>How many were answered.</returns>
    public static async Task<long> RunAsync(
        PodNetwork from, PodNetwork to, IPAddress address, double perSecond, long count, CancellationToken cancellation)
    {
        using Socket listener = to.Listen(address, Port);
        using var ended = new CancellationTokenSource();
        Task serving = ServeAsync(listener, ended.Token);
        var pace = new Pace(perSecond);
        long answered = 0;
        try
        {
            while (answered < count)
            {
                for (int due = await pace.NextAsync(cancellation).ConfigureAwait(false); due > 0 && answered < count; due--)
                {
                    await RequestAsync(from, address).WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None).ConfigureAwait(false);
                    answered++;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The caller has had enough.
        }

        await ended.CancelAsync().ConfigureAwait(false);
        await serving.ConfigureAwait(false);
        return answered;
    }

    private static async Task RequestAsync(PodNetwork from, IPAddress address)
    {
        using Socket client = from.OpenSocket(address, SocketType.Stream);
        await client.ConnectAsync(new IPEndPoint(address, Port)).ConfigureAwait(false);
        await client.SendAsync(Request).ConfigureAwait(false);
        byte[] buffer = new byte[4096];
        int received = 0;
        for (int count; (count = await client.ReceiveAsync(buffer).ConfigureAwait(false)) > 0; received += count)
        {
        }

        if (received != Response.Length) throw new InvalidDataException($"{received} bytes of an answer of {Response.Length}");
    }

    private static async Task ServeAsync(Socket listener, CancellationToken ended)
    {
        byte[] buffer = new byte[1024];
        try
        {
            while (true)
            {
                using Socket connection = await listener.AcceptAsync(ended).ConfigureAwait(false);
                await connection.ReceiveAsync(buffer, ended).ConfigureAwait(false);
                await connection.SendAsync(Response, ended).ConfigureAwait(false);
                connection.Shutdown(SocketShutdown.Send);
                // Until the client has closed too, so that no reset cuts its reading short.
                await connection.ReceiveAsync(buffer, ended).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The last request is answered.
        }
    }
}
