using System.Collections.Immutable;
using System.Text.Json.Serialization;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Governing;
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
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] StatusDocument.GovernorPart? Governor = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgainstDocument? Against = null)
{
    public static StatusDocument From(AgentStatus status, LedgerSnapshot? ledger) => new(
        status.Node,
        status.PolicyRevision,
        Part(status.Sensor) with { CanaryVni = status.CanaryVni },
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
            coverage.Rule?.Traffic.Priority is { } priority and not MirrorPriority.Normal ? priority.Name() : null,
            coverage.Rule is { } rule && coverage.State == PodState.Captured
                ? EffectivePart.Of(rule.Traffic, status.Governor.Level.Limit(rule.Traffic)) : null,
            coverage.Rule?.Traffic.Filter?.Expression,
            coverage.Rule?.Traffic.Always?.Expression,
            status.RejectedEstimates.TryGetValue(coverage.Pod.Uid, out long rejected) ? rejected : null,
            coverage.Rule?.Traffic.Slice is > 0 and var slice ? new ByteSize(slice).ToString() : null,
            coverage.Rule?.Traffic.Rate?.ToString())),
        ledger is null ? null : new(ledger.Seen, ledger.Delivered, ledger.InFlight, ledger.Segments, ledger.Merged,
            Enum.GetValues<LossReason>().ToDictionary(reason => reason.Name(), ledger.Lost)),
        status.Warnings,
        status.Notes,
        status.Filter,
        GovernorPart.Of(status.Governor),
        AgainstDocument.From(status.Against));

    internal static SensorPart Part(SensorStatus sensor) => new(
        sensor.State.Name(),
        sensor.Reads.Name(),
        sensor.Endpoints.Select(e => new EndpointPart(e.Address.ToString(), e.Port, e.Link.Name, e.Link.Mtu)),
        sensor.Reason);

    internal sealed record SensorPart(
        string State, string Reads, IEnumerable<EndpointPart> Endpoints, string? Reason,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] uint? CanaryVni = null);

    internal sealed record EndpointPart(string Address, int Port, string Link, int Mtu);

    internal sealed record PodPart(
        string Namespace, string Name, string Uid, IEnumerable<string> Ips, string? Rule, string State, string? Reason, uint? Vni,
        IEnumerable<LinkPart> Links,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Sample = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Priority = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] EffectivePart? Effective = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Filter = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Always = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? RejectedEstimate = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Slice = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Rate = null);

    internal sealed record EffectivePart(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Sample,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Slice)
    {
        /// <summary>What the governor leaves of what the rule says, where it is less.</summary>
        public static EffectivePart? Of(RuleTraffic rule, RuleTraffic left) => rule == left
            ? null
            : new(left.Sample == rule.Sample ? null : left.Sample.ToString(), left.Slice == rule.Slice ? null : left.Slice);
    }

    internal sealed record GovernorPart(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Level,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Name,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Since,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? BudgetCpu,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? CpuUsed)
    {
        /// <summary>Null where no governor runs and there is no budget, as in <c>check</c>.</summary>
        public static GovernorPart? Of(GovernorStatus governor)
        {
            string? budget = governor.Budget?.Budget.ToString();
            if (governor.Since is not { } since) return budget is null ? null : new(null, null, null, null, budget, null);
            string? used = governor.CoresUsed is { } cores ? $"{Math.Round(cores * 1000)}m" : null;
            string time = $"{since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";
            return new((int)governor.Level, governor.Level.Name(), governor.Reason, time, budget, used);
        }
    }

    internal sealed record LinkPart(string Name, int Ifindex, string Ip, string FoundBy, bool OneWay);

    internal sealed record LedgerPart(
        long Seen, long Delivered, long InFlight, long Segments, long SegmentsMerged, Dictionary<string, long> Losses);
}
