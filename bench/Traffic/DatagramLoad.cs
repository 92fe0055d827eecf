using System.Net;
using System.Net.Sockets;
using HostAgent.Interop;
using HostAgent.Links;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Traffic;

/// <summary>
/// Small UDP datagrams in one direction, sent and received in batches, so that the generator costs little beside what is measured.
/// </summary>
internal static unsafe class DatagramLoad
{
    private const int Batch = 32;
    private const int BufferBytes = 64 << 20;
    private const int PatienceMilliseconds = 200;

    /// <param name="from">The namespace of the sending end, as setns(2) takes it.</param>
    /// <param name="to">That of the receiving end.</param>
    /// <param name="order">The rate is in datagrams a second.</param>
    public static LoadResult Run(string from, string to, LoadOrder order)
    {
        using Socket receiver = NamespaceThread.Run(to, () => new Socket(order.Target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        receiver.SetRawSocketOption(SOL_SOCKET, SO_RCVBUFFORCE, BitConverter.GetBytes(BufferBytes));
        receiver.Bind(new IPEndPoint(order.Target, 0));
        using Socket sender = NamespaceThread.Run(from, () => new Socket(order.Target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        sender.Connect(receiver.LocalEndPoint!);
        long received = 0;
        bool ended = false;
        var receiving = new Thread(() => received = Receive((int)receiver.Handle, ref ended)) { Name = "udp" };
        receiving.Start();
        var schedule = new Schedule(order.Rate, order.Seconds);
        long sent = Send((int)sender.Handle, schedule);
        double seconds = schedule.Elapsed;
        Volatile.Write(ref ended, true);
        receiving.Join();
        return new LoadResult(sent, received, 0, seconds);
    }

    private static long Send(int socket, Schedule schedule)
    {
        using var batch = new MessageBatch(Batch, MarkedDatagram.Size);
        long sent = 0;
        for (int due; (due = schedule.Next(Batch)) > 0;)
        {
            long now = RealTime.Now;
            for (int i = 0; i < due; i++) MarkedDatagram.Write(batch.Payload(i), now);
            sent += Math.Max(0, sendmmsg(socket, batch.Messages, (uint)due, 0));
        }

        return sent;
    }

    private static long Receive(int socket, ref bool ended)
    {
        using var batch = new MessageBatch(Batch, MarkedDatagram.Size);
        long received = 0;
        while (true)
        {
            bool last = Volatile.Read(ref ended);
            int count = recvmmsg(socket, batch.Messages, Batch, MSG_DONTWAIT, null);
            received += Math.Max(0, count);
            if (count > 0) continue;
            var descriptor = new SysPoll.pollfd { fd = socket, events = SysPoll.POLLIN };
            if (SysPoll.poll(&descriptor, 1, PatienceMilliseconds) == 0 && last) return received;
        }
    }
}
