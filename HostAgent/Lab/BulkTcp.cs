using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>One long TCP connection between two pods. With the veths' default offload its segments cross as super-frames.</summary>
internal static class BulkTcp
{
    private const int Chunk = 128 * 1024;

    /// <summary>Sends until <paramref name="bytes"/> are sent or it is cancelled, then closes in good order.</summary>
    /// <param name="from">The pod that connects and sends.</param>
    /// <param name="to">The pod that listens and reads.</param>
    /// <param name="address">One of the addresses of <paramref name="to"/>.</param>
    /// <param name="bytesPerSecond">The pace.</param>
    /// <param name="bytes">How much to send.</param>
    /// <param name="cancellation">Ends it early, without an exception.</param>
    /// <returns>The bytes received, all of which had been checked to be those sent.</returns>
    public static async Task<long> RunAsync(
        PodNetwork from, PodNetwork to, IPAddress address, double bytesPerSecond, long bytes, CancellationToken cancellation)
    {
        using Socket listener = to.Listen(address, 0);
        using Socket client = from.OpenSocket(address, SocketType.Stream);
        await client.ConnectAsync(listener.LocalEndPoint!, CancellationToken.None).ConfigureAwait(false);
        using Socket server = await listener.AcceptAsync(CancellationToken.None).ConfigureAwait(false);
        Task<long> received = ReceiveAsync(server);
        await SendAsync(client, bytesPerSecond, bytes, cancellation).ConfigureAwait(false);
        client.Shutdown(SocketShutdown.Send);
        return await received.ConfigureAwait(false);
    }

    private static async Task SendAsync(Socket client, double bytesPerSecond, long bytes, CancellationToken cancellation)
    {
        byte[] pattern = Pattern(2 * Chunk);
        var pace = new Pace(bytesPerSecond / Chunk);
        long sent = 0;
        try
        {
            while (sent < bytes)
            {
                for (int due = await pace.NextAsync(cancellation).ConfigureAwait(false); due > 0 && sent < bytes; due--)
                {
                    ReadOnlyMemory<byte> chunk = pattern.AsMemory((int)(sent % Chunk), (int)Math.Min(Chunk, bytes - sent));
                    while (!chunk.IsEmpty)
                    {
                        int taken = await client.SendAsync(chunk, CancellationToken.None).ConfigureAwait(false);
                        chunk = chunk[taken..];
                        sent += taken;
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What was sent so far is whole chunks; the connection is closed as if that had been all.
        }
    }

    private static async Task<long> ReceiveAsync(Socket server)
    {
        byte[] pattern = Pattern(2 * Chunk);
        byte[] buffer = new byte[Chunk];
        long received = 0;
        while (true)
        {
            int count = await server.ReceiveAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (count == 0) return received;
            if (!buffer.AsSpan(0, count).SequenceEqual(pattern.AsSpan((int)(received % Chunk), count)))
                throw new InvalidDataException($"the bytes from {received} on are not those sent");
            received += count;
        }
    }

    /// <summary>Bytes without a regularity that could hide a wrong checksum or a swapped segment, with the period of one chunk.</summary>
    private static byte[] Pattern(int length)
    {
        byte[] pattern = new byte[length];
        uint state = 1;
        for (int i = 0; i < Chunk; i++)
        {
            state = state * 1664525 + 1013904223;
            pattern[i] = (byte)(state >> 24);
        }

        for (int i = Chunk; i < length; i++) pattern[i] = pattern[i - Chunk];
        return pattern;
    }
}
