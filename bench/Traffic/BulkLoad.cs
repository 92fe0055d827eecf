using System.Net;
using System.Net.Sockets;
using HostAgent.Links;

namespace HostAgent.Bench.Traffic;

/// <summary>One TCP connection at a fixed rate or flat out. With the veths' default offload its segments cross as super-frames.</summary>
internal static class BulkLoad
{
    private const int Chunk = 128 * 1024;

    /// <param name="from">The namespace of the sending end, as setns(2) takes it.</param>
    /// <param name="to">That of the receiving end.</param>
    /// <param name="order">The rate is in bytes a second.</param>
    public static LoadResult Run(string from, string to, LoadOrder order)
    {
        using Socket listener = NamespaceThread.Run(to, () => new Socket(order.Target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(order.Target, 0));
        listener.Listen();
        using Socket client = NamespaceThread.Run(from, () => new Socket(order.Target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        long received = 0;
        var receiving = new Thread(() => received = Receive(server)) { Name = "bulk" };
        receiving.Start();
        byte[] payload = new byte[Chunk];
        new Random(1).NextBytes(payload);
        var schedule = new Schedule(order.Rate / Chunk, order.Seconds);
        while (schedule.Next(1) > 0)
        {
            for (int sent = 0; sent < Chunk;) sent += client.Send(payload, sent, Chunk - sent, SocketFlags.None);
        }

        client.Shutdown(SocketShutdown.Send);
        receiving.Join();
        return new LoadResult(0, 0, received, schedule.Elapsed);
    }

    private static long Receive(Socket server)
    {
        byte[] buffer = new byte[Chunk];
        long received = 0;
        for (int count; (count = server.Receive(buffer)) > 0; received += count)
        {
        }

        return received;
    }
}
