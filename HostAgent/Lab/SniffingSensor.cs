using System.Globalization;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>
/// Sniffs a link as Zeek or Suricata do, judges each datagram, and answers every order with what it has seen so far, in JSON. It shares no
/// code with the agent's capture.
/// </summary>
internal sealed class SniffingSensor : ISensor
{
    /// <summary>The command, which --help does not show.</summary>
    public const string Name = "demo-sensor";

    private const int SolSocket = 1, SoRcvbufForce = 33;
    private const int SolPacket = 263, PacketStatistics = 6, PacketIgnoreOutgoing = 23;
    private const ushort Port = 4789;

    private readonly byte[] _buffer = new byte[256 * 1024];
    private readonly Socket _socket;
    private readonly SensorTally _tally;
    private long _dropped;

    /// <param name="link">The link to sniff, in the namespace of this process.</param>
    public SniffingSensor(string link)
    {
        _socket = PacketSocket.Open(link, receive: true);
        // Enough for half a second of the demo's traffic while this process gets no CPU.
        _socket.SetRawSocketOption(SolSocket, SoRcvbufForce, BitConverter.GetBytes(512 * 1024 * 1024));
        _socket.SetRawSocketOption(SolPacket, PacketIgnoreOutgoing, BitConverter.GetBytes(1));
        _socket.ReceiveTimeout = 50;
        _tally = new SensorTally(Port, MtuOf(link));
    }

    /// <summary>Starts one, as a process in the pod's namespace; when this returns, nothing on the pod's link escapes it.</summary>
    public static async Task<SensorProcess<SensorReport>> StartAsync(PodNetwork pod, CancellationToken cancellation)
    {
        var process = new SensorProcess<SensorReport>(
            SensorReport.FromJson, pod.Namespace, [.. OwnProgram.Command, Name, PodNetwork.Link]);
        try
        {
            // It answers only when it sniffs.
            await process.ReportAsync(cancellation).ConfigureAwait(false);
            return process;
        }
        catch
        {
            await process.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The MTU of a link of this process's namespace, in bytes.</summary>
    public static int MtuOf(string link) => int.Parse(File.ReadAllText($"/sys/class/net/{link}/mtu"), CultureInfo.InvariantCulture);

    public bool Receive()
    {
        int count = _socket.Receive(_buffer, SocketFlags.None, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.TimedOut or SocketError.Interrupted) return false;
        if (error != SocketError.Success) throw new SocketException((int)error);
        _tally.Take(_buffer.AsSpan(0, count));
        return true;
    }

    public string Answer(string order)
    {
        // tp_drops of struct tpacket_stats, which reading resets.
        Span<byte> statistics = stackalloc byte[8];
        _socket.GetRawSocketOption(SolPacket, PacketStatistics, statistics);
        _dropped += BitConverter.ToUInt32(statistics[4..]);
        return _tally.Report(_dropped).ToJson();
    }

    public void Dispose() => _socket.Dispose();
}
