using HostAgent.Configuration;
using HostAgent.Links;
using HostAgent.Tunnel;

namespace HostAgent.Observability;

/// <summary>The spellings that states and lookups have in JSON, metrics and tables; stable, since scripts depend on them.</summary>
public static class StatusNames
{
    public static string Name(PodState state) => state switch
    {
        PodState.NotSelected => "not-selected",
        PodState.Captured => "captured",
        PodState.Pending => "pending",
        PodState.Unsupported => "unsupported",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };

    public static string Name(FoundBy foundBy) => foundBy switch
    {
        FoundBy.Route => "route",
        FoundBy.Neighbour => "neighbour",
        FoundBy.Netns => "netns",
        FoundBy.Learning => "learning",
        FoundBy.Sibling => "sibling",
        _ => throw new ArgumentOutOfRangeException(nameof(foundBy), foundBy, null),
    };

    public static string Name(SensorState state) => state switch
    {
        SensorState.Ready => "ready",
        SensorState.Missing => "missing",
        SensorState.Refused => "refused",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };

    public static string Name(SensorReads reads) => reads switch
    {
        SensorReads.Sniff => "sniff",
        SensorReads.Socket => "socket",
        _ => throw new ArgumentOutOfRangeException(nameof(reads), reads, null),
    };
}
