using System.Collections.Immutable;
using System.Text.Json.Serialization;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Observability;

/// <summary>The JSON of /status and <c>check --output json</c>. Names and their order are a contract with scripts.</summary>
internal sealed record StatusDocument(
    string Node,
    string PolicyRevision,
    StatusDocument.SensorPart Sensor,
    IEnumerable<StatusDocument.PodPart> Pods,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] StatusDocument.LedgerPart? Ledger,
    ImmutableArray<string> Warnings,
    ImmutableArray<string> Notes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Filter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgainstDocument? Against = null)
{
    public static StatusDocument From(AgentStatus status, LedgerSnapshot? ledger) => new(
        status.Node,
        status.PolicyRevision,
        Part(status.Sensor),
        status.Pods.Select(coverage => new PodPart(
            coverage.Pod.Namespace,
            coverage.Pod.Name,
            coverage.Pod.Uid,
            coverage.Pod.Ips.Select(ip => ip.ToString()),
            coverage.Rule?.Name,
            coverage.State.Name(),
            coverage.Reason,
            coverage.Rule?.Vni,
            coverage.Links.Select(match => new LinkPart(
                match.Link.Name, match.Link.Index, match.Ip.ToString(), match.FoundBy.Name(), match.OneWay)),
            coverage.Rule?.Traffic.Sample is { IsWhole: false } sample ? sample.ToString() : null,
            coverage.Rule?.Traffic.Priority is { } priority and not MirrorPriority.Normal ? priority.Name() : null)),
        ledger is null ? null : new(ledger.Seen, ledger.Delivered, ledger.InFlight, ledger.Segments, ledger.Merged,
            Enum.GetValues<LossReason>().ToDictionary(reason => reason.Name(), ledger.Lost)),
        status.Warnings,
        status.Notes,
        status.Filter,
        AgainstDocument.From(status.Against));

    internal static SensorPart Part(SensorStatus sensor) => new(
        sensor.State.Name(),
        sensor.Reads.Name(),
        sensor.Endpoints.Select(e => new EndpointPart(e.Address.ToString(), e.Port, e.Link.Name, e.Link.Mtu)),
        sensor.Reason);

    internal sealed record SensorPart(string State, string Reads, IEnumerable<EndpointPart> Endpoints, string? Reason);

    internal sealed record EndpointPart(string Address, int Port, string Link, int Mtu);

    internal sealed record PodPart(
        string Namespace, string Name, string Uid, IEnumerable<string> Ips, string? Rule, string State, string? Reason, uint? Vni,
        IEnumerable<LinkPart> Links,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Sample = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Priority = null);

    internal sealed record LinkPart(string Name, int Ifindex, string Ip, string FoundBy, bool OneWay);

    internal sealed record LedgerPart(
        long Seen, long Delivered, long InFlight, long Segments, long SegmentsMerged, Dictionary<string, long> Losses);
}
