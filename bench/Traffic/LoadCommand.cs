using System.Runtime.InteropServices;
using System.Text.Json;

namespace HostAgent.Bench.Traffic;

/// <summary>
/// A process that is nothing but the pods' own programs, both ends of them, so that its CPU clock is theirs. It lives through the whole
/// run, warmed up: one order, one line of JSON, on stdin; one result on stdout.
/// </summary>
internal static class LoadCommand
{
    public const string Name = "load";

    /// <param name="from">The namespace of the sending end, as setns(2) takes it.</param>
    /// <param name="to">That of the receiving end.</param>
    public static int Run(string from, string to)
    {
        // Ctrl-C reaches the whole foreground: the benchmark decides when its processes end.
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        while (Console.In.ReadLine() is { } line)
        {
            LoadOrder order = JsonSerializer.Deserialize<LoadOrder>(line)!;
            LoadResult result = order.Kind switch
            {
                LoadKind.BulkTcp => BulkLoad.Run(from, to, order),
                LoadKind.SmallUdp => DatagramLoad.Run(from, to, order),
                _ => TransactionLoad.Run(from, to, order),
            };
            Console.Out.WriteLine(JsonSerializer.Serialize(result));
        }

        return 0;
    }
}
