using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace HostAgent.Lab;

/// <summary>
/// A process that is nothing but a sensor. It answers each line on stdin once all is taken in that had come before, and ends when stdin
/// closes. <see cref="SensorProcess{TReport}"/> is its other end.
/// </summary>
internal static class SensorLoop
{
    /// <summary>More than a socket can hold: emptying the queue ends even while it is being filled.</summary>
    private const int MostQueued = 1_000_000;

    /// <param name="sensor">Is disposed.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ISensor sensor)
    {
        // Ctrl-C reaches the whole foreground: who started the sensor decides when it ends.
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using ISensor ended = sensor;
        var orders = new ConcurrentQueue<string>();
        bool closed = false;
        new Thread(() =>
        {
            while (Console.In.ReadLine() is { } line) orders.Enqueue(line);
            Volatile.Write(ref closed, true);
        })
        { IsBackground = true, Name = "stdin" }.Start();

        while (!Volatile.Read(ref closed))
        {
            // Looked at before the queue is emptied: an answer holds all that had arrived when it was asked for.
            int asked = orders.Count;
            for (int left = asked > 0 ? MostQueued : 1; left > 0 && sensor.Receive(); left--)
            {
            }

            for (; asked > 0 && orders.TryDequeue(out string? order); asked--) Console.Out.WriteLine(sensor.Answer(order));
        }

        return 0;
    }
}
