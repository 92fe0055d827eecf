using HostAgent.Bench.Sensors;
using HostAgent.Bench.Traffic;

namespace HostAgent.Bench.Measuring;

/// <summary>One measurement of one test with one system, as --json writes it.</summary>
internal sealed record Sample
{
    public required string Sensor { get; init; }

    public required string Test { get; init; }

    public required string System { get; init; }

    public required int Repetition { get; init; }

    public required CpuUse Cpu { get; init; }

    /// <summary>What the pods achieved, in the test's unit.</summary>
    public required double Production { get; init; }

    /// <summary>Frames that crossed the mirrored pod's link, by the node's counters, or the bystanders' datagrams.</summary>
    public required long Frames { get; init; }

    /// <summary>What the cost is divided by: frames, or GB of payload.</summary>
    public required double Units { get; init; }

    public required LoadResult Load { get; init; }

    public required SensorCounts Received { get; init; }

    /// <summary>The part of what crossed the link that the sensor got; null without a mirror.</summary>
    public double? Delivered { get; init; }

    /// <summary>What the agent counted meanwhile; null for other systems.</summary>
    public LedgerChange? Ledger { get; init; }

    /// <summary>Resident memory of the agent, in MB, its ring included; null for other systems.</summary>
    public double? ResidentMegabytes { get; init; }
}
