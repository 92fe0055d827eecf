using System.Net;
using System.Text.Json;
using HostAgent.Bench.Systems;
using HostAgent.Lab;

namespace HostAgent.Bench.Sensors;

/// <summary>
/// The sensor of the benchmark, a process of its own, so that its CPU clock is the sensor's. "reset" or "verify" starts anew, "report" is
/// answered with JSON.
/// </summary>
internal sealed class BenchSensor : ISensor
{
    public const string Name = "sensor";

    private readonly long[] _ages = new long[1 << 20];
    private readonly IReceiver _receiver;
    private readonly int _mtu;
    private long _droppedBefore;

    /// <param name="kind">Which one.</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    /// <param name="folder">Where the <see cref="StreamFiles"/> are.</param>
    public BenchSensor(SensorKind kind, string subject, string folder)
    {
        _mtu = BenchNetwork.Sniffs(kind) ? SniffingSensor.MtuOf(subject) : int.MaxValue;
        TunnelCount count = NewCount(verifies: false);
        _receiver = kind switch
        {
            SensorKind.Sniff or SensorKind.LoSniff => new LinkReceiver(subject, count),
            SensorKind.Stream => new StreamReceiver(IPAddress.Parse(subject), count),
            SensorKind.StreamTls => new EncryptedReceiver(IPAddress.Parse(subject), new StreamFiles(folder).OfReceiver, count),
            _ => new SocketReceiver(IPAddress.Parse(subject), count),
        };
    }

    /// <summary>Starts one.</summary>
    /// <param name="where">The sensor's namespace.</param>
    /// <param name="kind">Which one.</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    /// <param name="folder">Where the <see cref="StreamFiles"/> are.</param>
    public static SensorProcess<SensorCounts> Start(NetworkNamespace where, SensorKind kind, string subject, string folder) => new(
        line => JsonSerializer.Deserialize<SensorCounts>(line)!, where,
        BenchmarkProgram.Executable, Name, kind.ToString(), subject, folder);

    public bool Receive() => _receiver.Receive();

    public string Answer(string order)
    {
        if (order == "report") return JsonSerializer.Serialize(_receiver.Count.Counts(_receiver.Dropped - _droppedBefore));
        _droppedBefore = _receiver.Dropped;
        _receiver.Count = NewCount(verifies: order == "verify");
        return order;
    }

    public void Dispose() => _receiver.Dispose();

    private TunnelCount NewCount(bool verifies) => new(_mtu, verifies, _ages);
}
