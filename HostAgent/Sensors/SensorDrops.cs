using System.Diagnostics;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.Sensors;

/// <summary>
/// What is lost behind the agent, in datagrams, as far as the kernel counts it: at the sensor's link, and at the socket of a sensor that
/// reads one. That socket is counted in its own network namespace, so for a sensor in a pod it takes the lookup by netns. One thread looks,
/// any may read.
/// </summary>
/// <param name="namespaceOf">The file of the namespace that has the address behind the link; null when it is not known.</param>
/// <param name="logger">Gets what <see cref="Warning"/> says, though not as often.</param>
internal sealed class SensorDrops(Func<IPAddress, Link, string?> namespaceOf, ILogger<SensorDrops> logger) : IWarns
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // At once: what a sensor drops is bursts, and nobody else tells of them.
    private readonly RisingCount _rising = new("datagrams dropped at the sensor's link or its socket",
        "the sensor does not keep up; give it more CPU, a larger receive buffer, or a sensor more",
        TimeSpan.Zero, logger, TimeProvider.System);

    private Dictionary<(string Counter, long Id), long> _last = [];
    private SensorStatus? _sensor;
    private long _looked;
    private long _atLink;
    private long _atSocket;

    /// <summary>Datagrams that the host's end of the sensor's link dropped, whoever sent them.</summary>
    public long AtLink => Volatile.Read(ref _atLink);

    /// <summary>Datagrams for which the sensor's socket had no room. Stays what it is while the socket cannot be looked at.</summary>
    public long AtSocket => Volatile.Read(ref _atSocket);

    /// <summary>While they rise, as of the last look; else null.</summary>
    public string? Warning { get; private set; }

    public IEnumerable<string> Warnings() => Warning is { } problem ? [problem] : [];

    /// <summary>Reads the kernel's counters: before anything is sent to a new sensor, and else once a second at most.</summary>
    public void Look(SensorStatus sensor)
    {
        bool same = _sensor is not null && _sensor.Reads == sensor.Reads && _sensor.Endpoints.SequenceEqual(sensor.Endpoints);
        if (same && Stopwatch.GetElapsedTime(_looked) < Interval) return;
        _looked = Stopwatch.GetTimestamp();
        var now = new Dictionary<(string Counter, long Id), long>();
        // What a link drops of a stream, TCP sends again.
        foreach (SensorEndpoint endpoint in sensor.Reads == SensorReads.Stream ? [] : sensor.Endpoints)
        {
            try
            {
                _atLink += Since(now, ("link", endpoint.Link.Generation), ProcNet.Traffic(endpoint.Link.Name).SendDrops, before: null);
                if (sensor.Reads != SensorReads.Socket) continue;
                // A socket that comes later than its sensor was opened under the agent's datagrams, and has counted from 0.
                long? before = _sensor?.Reads == sensor.Reads && _sensor.Endpoints.Contains(endpoint) ? 0 : null;
                foreach ((long inode, long drops) in Sockets(endpoint)) _atSocket += Since(now, ("socket", inode), drops, before);
            }
            catch (IOException)
            {
                // The link, the pod or its namespace has just gone.
            }
        }

        (_last, _sensor) = (now, sensor);
        Warning = _rising.Look(_atLink + _atSocket);
    }

    private IReadOnlyList<(long Inode, long Drops)> Sockets(SensorEndpoint endpoint)
    {
        if (endpoint.Link.Loopback) return ProcNet.UdpDrops(endpoint.Address, endpoint.Port);
        return namespaceOf(endpoint.Address, endpoint.Link) is { } path
            ? NamespaceThread.Run(path, () => ProcNet.UdpDrops(endpoint.Address, endpoint.Port))
            : [];
    }

    /// <summary>
    /// What a counter has grown by since the last look, or since it had the value <paramref name="before"/>; not at all when neither is
    /// known.
    /// </summary>
    private long Since(Dictionary<(string Counter, long Id), long> now, (string Counter, long Id) key, long value, long? before)
    {
        now[key] = value;
        return Math.Max(0, value - (_last.TryGetValue(key, out long last) ? last : before ?? value));
    }
}
