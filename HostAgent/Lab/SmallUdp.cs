using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>A stream of small, numbered UDP datagrams from one pod to another.</summary>
internal static class SmallUdp
{
    /// <summary>Sends until <paramref name="count"/> datagrams are sent or it is cancelled.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver; it reads, so that nothing is answered with an ICMP error.</param>
    /// <param name="address">One of the addresses of <paramref name="to"/>.</param>
    /// <param name="perSecond">Datagrams a second.</param>
    /// <param name="count">How many to send.</param>
    /// <param name="size">Bytes of payload, at least 8: the number, big-endian, then zeros.</param>
    /// <param name="cancellation">Ends it early, without an exception.</param>
    /// <returns>How many were sent, the empty one that ends the stream included.</returns>
    public static async Task<long> RunAsync(
        PodNetwork from, PodNetwork to, IPAddress address, double perSecond, long count, int size, CancellationToken cancellation)
    {
        using Socket receiver = to.OpenSocket(address, SocketType.Dgram);
        receiver.Bind(new IPEndPoint(address, 0));
        using Socket sender = from.OpenSocket(address, SocketType.Dgram);
        await sender.ConnectAsync(receiver.LocalEndPoint!, CancellationToken.None).ConfigureAwait(false);
        Task drained = DrainAsync(receiver);
        byte[] payload = new byte[size];
        var pace = new Pace(perSecond);
        long sent = 0;
        try
        {
            while (sent < count)
            {
                for (int due = await pace.NextAsync(cancellation).ConfigureAwait(false); due > 0 && sent < count; due--)
                {
                    BinaryPrimitives.WriteInt64BigEndian(payload, sent);
                    sender.Send(payload);
                    sent++;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The caller has had enough.
        }

        // An empty datagram is the end: the receiver's port stays open until all before it was read.
        sender.Send(ReadOnlySpan<byte>.Empty);
        await drained.ConfigureAwait(false);
        return sent + 1;
    }

    private static async Task DrainAsync(Socket receiver)
    {
        byte[] buffer = new byte[65536];
        using var patience = new CancellationTokenSource();
        try
        {
            while (await receiver.ReceiveAsync(buffer, SocketFlags.None, patience.Token).ConfigureAwait(false) > 0)
                patience.CancelAfter(TimeSpan.FromSeconds(5));
        }
        catch (OperationCanceledException)
        {
            // The last datagram was lost on the way, as UDP may.
        }
    }
}
