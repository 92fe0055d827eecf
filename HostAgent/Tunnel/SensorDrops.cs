using System.Diagnostics;
using System.Net;
using HostAgent.Configuration;
using HostAgent.Interop;
using HostAgent.Links;

namespace HostAgent.Tunnel;

/// <summary>
/// What is lost behind the agent, in datagrams, as far as the kernel counts it: at the sensor's link, and at the socket of a sensor that
/// reads one. That socket is counted in its own network namespace, so for a sensor in a pod it takes the lookup by netns. One thread looks,
/// any may read.
/// </summary>
/// <param name="namespaceOf">The file of the namespace that has the address behind the link; null when it is not known.</param>
internal sealed class SensorDrops(Func<IPAddress, Link, string?> namespaceOf)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private Dictionary<(string Counter, long Id), long> _last = [];
    private long _looked;
    private long _atLink;
    private long _atSocket;

    /// <summary>Datagrams that the host's end of the sensor's link dropped, whoever sent them.</summary>
    public long AtLink => Volatile.Read(ref _atLink);

    /// <summary>Datagrams for which the sensor's socket had no room. Stays what it is while the socket cannot be looked at.</summary>
    public long AtSocket => Volatile.Read(ref _atSocket);

    /// <summary>Reads the kernel's counters, once a second at most.</summary>
    public void Look(SensorStatus sensor)
    {
        if (_looked != 0 && Stopwatch.GetElapsedTime(_looked) < Interval) return;
        _looked = Stopwatch.GetTimestamp();
        var now = new Dictionary<(string Counter, long Id), long>();
        foreach (SensorEndpoint endpoint in sensor.Endpoints)
        {
            try
            {
                _atLink += Since(now, ("link", endpoint.Link.Generation), ProcNet.TransmitDrops(endpoint.Link.Name));
                if (sensor.Reads != SensorReads.Socket) continue;
                foreach ((long inode, long drops) in Sockets(endpoint)) _atSocket += Since(now, ("socket", inode), drops);
            }
            catch (IOException)
            {
                // The link, the pod or its namespace has just gone.
            }
        }

        _last = now;
    }

    private IReadOnlyList<(long Inode, long Drops)> Sockets(SensorEndpoint endpoint)
    {
        if (endpoint.Link.Loopback) return ProcNet.UdpDrops(endpoint.Address, endpoint.Port);
        return namespaceOf(endpoint.Address, endpoint.Link) is { } path
            ? NamespaceThread.Run(path, () => ProcNet.UdpDrops(endpoint.Address, endpoint.Port))
            : [];
    }

    /// <summary>What a counter has grown by. One that is seen for the first time has no past: what it counted before was not of this agent's sending.</summary>
    private long Since(Dictionary<(string Counter, long Id), long> now, (string Counter, long Id) key, long value)
    {
        now[key] = value;
        return _last.TryGetValue(key, out long before) ? Math.Max(0, value - before) : 0;
    }
}
