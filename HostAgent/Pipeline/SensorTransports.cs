using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tunnel;

namespace HostAgent.Pipeline;

/// <summary>
/// Opens a transport for each sensor and shard, and keeps them for as long as sensors and policy stay. Who closes those that nobody needs
/// any more is the <see cref="FrameSender"/>, once it uses them no more.
/// </summary>
/// <param name="ledgers">Of the shards, in their order.</param>
/// <param name="node">The node's name, for a receiver on another host.</param>
/// <param name="changed">Called by any thread when a stream is connected or has ended.</param>
internal sealed class SensorTransports(ShardLedger[] ledgers, string node, Action changed)
{
    private SensorPolicy? _policy;
    private ImmutableArray<Transport>[] _transports = NoTransports(ledgers);
    private ImmutableArray<StreamConnection> _connections = [];

    /// <summary>The sensors, in the order of each shard's transports.</summary>
    public ImmutableArray<SensorEndpoint> Endpoints { get; private set; } = [];

    /// <summary>One for each of <see cref="Endpoints"/>.</summary>
    public ImmutableArray<Transport> OfShard(int shard) => _transports[shard];

    /// <summary>When the certificate ends that a sensor on another host is shown; null without one. Reads its file.</summary>
    public DateTimeOffset? CertificateEnds() => _connections.Min(connection => connection.CertificateEnds());

    public IEnumerable<string> Warnings() => _connections.Select(connection => connection.Warning).OfType<string>().Distinct()
        .Select(warning => $"sensor.offHost: {warning}");

    /// <returns>The status; without an endpoint and with the reason where the kernel refuses a socket.</returns>
    public SensorStatus Open(SensorStatus sensor, SensorPolicy policy)
    {
        if (sensor.Endpoints.SequenceEqual(Endpoints) && Same(policy, _policy)) return sensor;
        var opened = new List<Transport>();
        StreamSecurity? security = policy.OffHost is { } tls
            ? new StreamSecurity(new TlsFiles(tls.Authority, tls.Certificate, tls.Key), tls.ServerName, node)
            : null;
        ImmutableArray<StreamConnection> connections = policy.Reads != SensorReads.Stream ? [] : [.. sensor.Endpoints.Select(
            endpoint => new StreamConnection(endpoint, RecordFormat.Of(policy.Format), ledgers.Length, security))];
        try
        {
            for (int shard = 0; shard < ledgers.Length; shard++)
            {
                for (int i = 0; i < sensor.Endpoints.Length; i++)
                    opened.Add(Open(sensor.Endpoints[i], policy, shard, connections.IsEmpty ? null : connections[i]));
            }
        }
        catch (ErrnoException e)
        {
            opened.ForEach(transport => transport.Dispose());
            Use([], null, [], NoTransports(ledgers));
            return sensor with { State = SensorState.Missing, Endpoints = [], Reason = e.Message };
        }

        Use(sensor.Endpoints, policy, connections, opened.Count == 0
            ? NoTransports(ledgers)
            : [.. opened.Chunk(sensor.Endpoints.Length).Select(ofShard => ofShard.ToImmutableArray())]);
        return sensor;
    }

    /// <summary>Streams take their time to be connected: who has none is no endpoint yet.</summary>
    public SensorStatus Connected(SensorStatus sensor)
    {
        // Each is asked once, since it may change meanwhile.
        string?[] problems = [.. _connections.Select(connection => connection.Problem)];
        if (Array.TrueForAll(problems, problem => problem is null)) return sensor;
        ImmutableArray<SensorEndpoint> open = [.. sensor.Endpoints.Where((_, i) => problems[i] is null)];
        return sensor with
        {
            State = open.IsEmpty ? SensorState.Connecting : sensor.State,
            Endpoints = open,
            Reason = string.Join(". ", problems.Append(sensor.Reason).OfType<string>()),
        };
    }

    private void Use(
        ImmutableArray<SensorEndpoint> endpoints, SensorPolicy? policy, ImmutableArray<StreamConnection> connections,
        ImmutableArray<Transport>[] transports)
    {
        (Endpoints, _policy, _connections, _transports) = (endpoints, policy, connections, transports);
        foreach (StreamConnection connection in connections) connection.Changed += changed;
    }

    private Transport Open(SensorEndpoint endpoint, SensorPolicy policy, int shard, StreamConnection? connection) => policy.Reads switch
    {
        SensorReads.Stream => new StreamTransport(connection!, endpoint, policy, ledgers[shard], shard),
        SensorReads.Sniff => new LinkTransport(endpoint, policy, ledgers[shard], shard),
        _ => new UdpTransport(endpoint, policy, ledgers[shard], shard),
    };

    private static ImmutableArray<Transport>[] NoTransports(ShardLedger[] ledgers) =>
        [.. ledgers.Select(_ => ImmutableArray<Transport>.Empty)];

    private static bool Same(SensorPolicy a, SensorPolicy? b) => b is not null
        && (a.Reads, a.Port, a.Segments, a.Format, a.Encapsulation, a.OffHost, a.FirstSourcePort, a.SourcePortCount)
            == (b.Reads, b.Port, b.Segments, b.Format, b.Encapsulation, b.OffHost, b.FirstSourcePort, b.SourcePortCount);
}
