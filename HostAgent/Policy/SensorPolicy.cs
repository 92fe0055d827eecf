using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Policy;

/// <summary>The policy's <c>sensor</c>: who receives the mirrored frames. Either a selector with its namespaces, or an address.</summary>
public sealed record SensorPolicy
{
    /// <summary>The TCP port of a stream where the policy names none: what PCAP-over-IP has by convention.</summary>
    public const ushort StreamPort = 57012;

    /// <summary>Selects sensor pods by their labels; null when <see cref="Address"/> is given.</summary>
    public LabelSelector? Selector { get; init; }

    /// <summary>
    /// The only namespaces whose pods may be sensors: otherwise any tenant could label a pod and receive the node's traffic.
    /// </summary>
    public ImmutableArray<string> Namespaces { get; init; } = [];

    /// <summary>A fixed sensor; must be on this host, unless there is <see cref="OffHost"/>.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The UDP destination port (RFC 7348: 4789); of a stream the TCP port.</summary>
    public ushort Port { get; init; } = 4789;

    public SensorReads Reads { get; init; } = SensorReads.Sniff;

    /// <summary>What a stream is written as; without meaning for a sensor that reads none.</summary>
    public StreamFormat Format { get; init; } = StreamFormat.Pcap;

    /// <summary>What is around each frame of a stream; a sensor that reads none gets VXLAN in any case.</summary>
    public StreamEncapsulation Encapsulation { get; init; } = StreamEncapsulation.None;

    /// <summary>
    /// Permits a sensor that is not on this host, and has the stream encrypted wherever that is; null for sensors on this host only.
    /// </summary>
    public OffHostTls? OffHost { get; init; }

    /// <summary>How large a segment of a super-frame may be.</summary>
    public SegmentLimit Segments { get; init; } = SegmentLimit.Wire;

    /// <summary>Whether each sensor gets a marked frame of the agent's own, twice a minute.</summary>
    public bool Canary { get; init; }

    /// <summary>The first of the UDP source ports over which inner flows are spread.</summary>
    public ushort FirstSourcePort { get; init; } = 49152;

    /// <summary>How many source ports follow from <see cref="FirstSourcePort"/>, at least 1.</summary>
    public int SourcePortCount { get; init; } = 16;
}
