using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>DNS queries (RFC 1035) over UDP from one pod, each answered by another.</summary>
internal static class DnsQueries
{
    private const ushort Port = 53;

    /// <summary>Asks, one query after the other, until <paramref name="count"/> are answered or it is cancelled.</summary>
    /// <returns>How many were answered.</returns>
    public static async Task<long> RunAsync(
        PodNetwork from, PodNetwork to, IPAddress address, double perSecond, long count, CancellationToken cancellation)
    {
        using Socket server = to.OpenSocket(address, SocketType.Dgram);
        server.Bind(new IPEndPoint(address, Port));
        using var ended = new CancellationTokenSource();
        Task serving = ServeAsync(server, ended.Token);
        using Socket client = from.OpenSocket(address, SocketType.Dgram);
        await client.ConnectAsync(server.LocalEndPoint!, CancellationToken.None).ConfigureAwait(false);
        byte[] answer = new byte[512];
        var pace = new Pace(perSecond);
        long answered = 0;
        try
        {
            while (answered < count)
            {
                for (int due = await pace.NextAsync(cancellation).ConfigureAwait(false); due > 0 && answered < count; due--)
                {
                    await client.SendAsync(Query((ushort)answered, $"service-{answered}.demo.svc.cluster.local"), CancellationToken.None)
                        .ConfigureAwait(false);
                    await client.ReceiveAsync(answer, SocketFlags.None, CancellationToken.None).AsTask()
                        .WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None).ConfigureAwait(false);
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

    private static async Task ServeAsync(Socket server, CancellationToken ended)
    {
        byte[] buffer = new byte[512];
        var anyone = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                SocketReceiveFromResult query = await server.ReceiveFromAsync(buffer, anyone, ended).ConfigureAwait(false);
                await server.SendToAsync(Answer(buffer.AsSpan(0, query.ReceivedBytes)), query.RemoteEndPoint, ended).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The last query is answered.
        }
    }

    private static byte[] Query(ushort id, string name)
    {
        var message = new List<byte> { (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (string label in name.Split('.'))
        {
            message.Add((byte)label.Length);
            message.AddRange(System.Text.Encoding.ASCII.GetBytes(label));
        }

        message.AddRange([0, 0, 1, 0, 1]);
        return [.. message];
    }

    /// <summary>The question, with one A record: 192.0.2.1 for a minute, its name a pointer to the question's.</summary>
    private static byte[] Answer(ReadOnlySpan<byte> query)
    {
        byte[] answer = [.. query, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), 0x8180);
        answer[7] = 1;
        return answer;
    }
}
