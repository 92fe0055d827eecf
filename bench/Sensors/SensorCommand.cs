using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace HostAgent.Bench.Sensors;

/// <summary>
/// A process that is nothing but the sensor, so that its CPU clock is the sensor's. On stdin: "reset" or "verify" starts anew, "report" is
/// answered with a line of JSON once nothing more is there to be read.
/// </summary>
internal static class SensorCommand
{
    public const string Name = "sensor";

    /// <param name="reads">"sniff" or "socket".</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    public static int Run(string reads, string subject)
    {
        // Ctrl-C reaches the whole foreground: the benchmark decides when its processes end.
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using IReceiver receiver = reads == "sniff" ? new LinkReceiver(subject) : new SocketReceiver(IPAddress.Parse(subject));
        int mtu = reads == "sniff"
            ? int.Parse(File.ReadAllText($"/sys/class/net/{subject}/mtu"), CultureInfo.InvariantCulture)
            : int.MaxValue;
        var orders = new ConcurrentQueue<string>();
        bool ended = false;
        new Thread(() =>
        {
            while (Console.In.ReadLine() is { } line) orders.Enqueue(line);
            Volatile.Write(ref ended, true);
        })
        { IsBackground = true, Name = "stdin" }.Start();

        var count = new TunnelCount(mtu);
        long droppedBefore = 0;
        while (!Volatile.Read(ref ended))
        {
            if (receiver.Receive(count)) continue;
            while (orders.TryDequeue(out string? order))
            {
                if (order == "report")
                {
                    Console.Out.WriteLine(JsonSerializer.Serialize(count.Report(receiver.Dropped - droppedBefore)));
                    continue;
                }

                droppedBefore = receiver.Dropped;
                count.Reset(verify: order == "verify");
                Console.Out.WriteLine(order);
            }
        }

        return 0;
    }
}
