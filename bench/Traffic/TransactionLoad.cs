using System.Net;
using System.Net.Sockets;
using HostAgent.Links;

namespace HostAgent.Bench.Traffic;

/// <summary>Short TCP transactions, each on a connection of its own, by four clients and four servers that block.</summary>
internal static class TransactionLoad
{
    private const int Clients = 4;
    private const int RequestBytes = 200;
    private const int AnswerBytes = 4096;

    /// <param name="from">The namespace of the clients, as setns(2) takes it.</param>
    /// <param name="to">That of the server.</param>
    /// <param name="order">The rate is in transactions a second.</param>
    public static LoadResult Run(string from, string to, LoadOrder order)
    {
        Socket listener = NamespaceThread.Run(to, () => new Socket(order.Target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(order.Target, 0));
        listener.Listen(4096);
        EndPoint target = listener.LocalEndPoint!;
        bool ended = false;
        Thread[] servers = Start(() => Serve(listener, ref ended));
        long answered = 0;
        var whole = new Schedule(0, order.Seconds);
        Thread[] clients = Start(() => NamespaceThread.Run(from, () =>
            Interlocked.Add(ref answered, Request(target, new Schedule(order.Rate / Clients, order.Seconds)))));
        foreach (Thread client in clients) client.Join();
        double seconds = whole.Elapsed;
        Volatile.Write(ref ended, true);
        // One connection for each server that waits for one.
        answered += NamespaceThread.Run(from, () => Request(target, new Schedule(1000, Clients / 1000.0)));
        foreach (Thread server in servers) server.Join();
        listener.Dispose();
        return new LoadResult(answered, 0, answered * (RequestBytes + AnswerBytes), seconds);
    }

    private static Thread[] Start(Action work)
    {
        Thread[] threads = [.. Enumerable.Range(0, Clients).Select(_ => new Thread(() => work()) { Name = "tcp" })];
        foreach (Thread thread in threads) thread.Start();
        return threads;
    }

    private static long Request(EndPoint target, Schedule schedule)
    {
        byte[] buffer = new byte[2 * AnswerBytes];
        long answered = 0;
        while (schedule.Next(1) > 0)
        {
            using var client = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(target);
            client.Send(buffer, RequestBytes, SocketFlags.None);
            int received = 0;
            for (int count; (count = client.Receive(buffer)) > 0; received += count)
            {
            }

            if (received != AnswerBytes) throw new InvalidDataException($"{received} bytes of an answer of {AnswerBytes}");
            answered++;
        }

        return answered;
    }

    private static void Serve(Socket listener, ref bool ended)
    {
        byte[] buffer = new byte[AnswerBytes];
        bool last;
        do
        {
            using Socket connection = listener.Accept();
            last = Volatile.Read(ref ended);
            connection.Receive(buffer);
            connection.Send(buffer);
            connection.Shutdown(SocketShutdown.Send);
            // Until the client has closed too, so that no reset cuts its reading short.
            connection.Receive(buffer);
        }
        while (!last);
    }
}
