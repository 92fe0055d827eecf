using System.Collections.Immutable;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tunnel;

namespace HostAgent.Pipeline;

/// <summary>What a shard does with frames at the moment; immutable and exchanged as a whole.</summary>
/// <param name="Links">The captured links.</param>
/// <param name="Transports">One for each sensor, the shard's own; empty when there is no sensor.</param>
/// <param name="Sensors">The sensors in the order of <paramref name="Transports"/>.</param>
internal sealed record ShardPlan(LinkTable Links, ImmutableArray<Transport> Transports, ImmutableArray<SensorEndpoint> Sensors)
{
    /// <summary>Who may send beside the frames whenever a plan is adopted; null for nobody.</summary>
    public Canary? Canary { get; init; }

    public static ShardPlan Nothing { get; } = new(new LinkTable([]), [], []);
}
