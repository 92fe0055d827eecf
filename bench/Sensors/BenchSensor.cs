using System.Net;
using System.Text.Json;
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
    private TunnelCount _count;
    private long _droppedBefore;

    /// <param name="reads">"sniff", "socket" or "stream".</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    public BenchSensor(string reads, string subject)
    {
        (_receiver, _mtu) = reads switch
        {
            "sniff" => ((IReceiver)new LinkReceiver(subject), SniffingSensor.MtuOf(subject)),
            "stream" => (new StreamReceiver(IPAddress.Parse(subject)), int.MaxValue),
            _ => (new SocketReceiver(IPAddress.Parse(subject)), int.MaxValue),
        };
        _count = new TunnelCount(_mtu, verifies: false, _ages);
    }

    /// <summary>Starts one.</summary>
    /// <param name="where">The sensor's namespace.</param>
    /// <param name="reads">"sniff", "socket" or "stream".</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    public static SensorProcess<SensorCounts> Start(NetworkNamespace where, string reads, string subject) =>
        new(line => JsonSerializer.Deserialize<SensorCounts>(line)!, where, BenchmarkProgram.Executable, Name, reads, subject);

    public bool Receive() => _receiver.Receive(_count);

    public string Answer(string order)
    {
        if (order == "report") return JsonSerializer.Serialize(_count.Counts(_receiver.Dropped - _droppedBefore));
        _droppedBefore = _receiver.Dropped;
        _count = new TunnelCount(_mtu, verifies: order == "verify", _ages);
        return order;
    }

    public void Dispose() => _receiver.Dispose();
}
