using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>
/// The demo's sensor, a process of its own inside the sensor's namespace: sniffs a link as Zeek or Suricata do, and judges each datagram.
/// For every line on its stdin it prints what it has seen so far, as a line of JSON; it prints a last one and ends when stdin closes or
/// on SIGTERM.
/// </summary>
internal static class SensorCommand
{
    /// <summary>The command, which --help does not show.</summary>
    public const string Name = "demo-sensor";

    private const int SolSocket = 1, SoRcvbufForce = 33;
    private const int SolPacket = 263, PacketStatistics = 6, PacketIgnoreOutgoing = 23;
    private const ushort Port = 4789;

    /// <summary>More than the socket can hold: emptying the queue ends even while it is being filled.</summary>
    private const int MostQueued = 1_000_000;

    /// <param name="link">The link to sniff, in the namespace of this process.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string link)
    {
        using Socket socket = PacketSocket.Open(link, receive: true);
        // Enough for half a second of the demo's traffic while this process gets no CPU.
        socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(512 * 1024 * 1024));
        socket.SetRawSocketOption(SolPacket, PacketIgnoreOutgoing, BitConverter.GetBytes(1));
        socket.ReceiveTimeout = 50;
        int mtu = int.Parse(File.ReadAllText($"/sys/class/net/{link}/mtu"), CultureInfo.InvariantCulture);

        int questions = 0;
        bool ended = false;
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            Volatile.Write(ref ended, true);
        });
        // Ctrl-C reaches the whole foreground: the demo decides when its sensor ends.
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        new Thread(() =>
        {
            while (Console.In.ReadLine() is not null) Interlocked.Increment(ref questions);
            Volatile.Write(ref ended, true);
        })
        { IsBackground = true, Name = "stdin" }.Start();

        Sniff(socket, new SensorTally(Port, mtu), ref questions, ref ended);
        return 0;
    }

    private static void Sniff(Socket socket, SensorTally tally, ref int questions, ref bool ended)
    {
        byte[] buffer = new byte[256 * 1024];
        int answered = 0;
        long dropped = 0;
        while (true)
        {
            // Read before the queue is emptied: an answer holds all that had arrived when it was asked for.
            int asked = Volatile.Read(ref questions);
            bool end = Volatile.Read(ref ended);
            if (asked != answered || end) socket.Blocking = false;
            for (int i = 0; i < (socket.Blocking ? 4096 : MostQueued); i++)
            {
                int count = socket.Receive(buffer, SocketFlags.None, out SocketError error);
                if (error is SocketError.WouldBlock or SocketError.TimedOut or SocketError.Interrupted) break;
                if (error != SocketError.Success) throw new SocketException((int)error);
                tally.Take(buffer.AsSpan(0, count));
            }

            if (socket.Blocking) continue;
            dropped += Dropped(socket);
            // One answer for each question, and a last one.
            for (; answered < asked; answered++) Console.Out.WriteLine(tally.Report(dropped).ToJson());
            if (end) Console.Out.WriteLine(tally.Report(dropped).ToJson());
            if (end) return;
            socket.Blocking = true;
        }
    }

    /// <summary>tp_drops of struct tpacket_stats, which reading resets.</summary>
    private static uint Dropped(Socket socket)
    {
        Span<byte> statistics = stackalloc byte[8];
        socket.GetRawSocketOption(SolPacket, PacketStatistics, statistics);
        return BitConverter.ToUInt32(statistics[4..]);
    }
}
