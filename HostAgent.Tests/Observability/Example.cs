using System.Collections.Immutable;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Tests.Observability;

/// <summary>One status with a pod in each state, as the example has it.</summary>
internal static class Example
{
    public static AgentStatus Status { get; } = new(
        "n",
        "0123456789ab",
        new SensorStatus(SensorState.Ready, SensorReads.Sniff,
            [new SensorEndpoint(
                IPAddress.Parse("10.0.0.9"), 4789, new Link { Index = 9, Name = "veth9", Mtu = 1500 }, IPAddress.Parse("10.0.0.1"))],
            null),
        [
            new PodCoverage(Pod("a", "p", "10.0.0.2"), Rule("payments", 100), PodState.Captured, null,
                [new LinkMatch(new Link { Index = 7, Name = "veth1" }, IPAddress.Parse("10.0.0.2"), FoundBy.Route)]),
            new PodCoverage(Pod("a", "q"), Rule("payments", 100), PodState.Pending, "it has no address yet", []),
            new PodCoverage(Pod("b", "h", "192.0.2.1"), Rule("rest", 1), PodState.Unsupported, "it is on the host's network", []),
            new PodCoverage(Pod("c", "n", "10.0.0.4"), null, PodState.NotSelected, "no rule selects it", []),
        ],
        ["two pods have one address"])
    { Notes = ["the sensor's link is narrow"] };

    public static GovernorStatus Governor { get; } = new(new BudgetInForce(new CpuBudget(500), OfPolicy: true))
    {
        Level = GovernorLevel.SliceLow,
        Reason = "the agent uses 740m",
        Since = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)),
        CoresUsed = 0.1234,
        StepsDown = 5,
        StepsUp = 3,
    };

    /// <summary>100 seen, 90 delivered, 70 segments merged, 4 lost in the ring, 1 without a sensor, 2 malformed, 3 in flight.</summary>
    public static LedgerSnapshot Ledger { get; } = new(
        100, 90, 9000, 120, 3, 0,
        [.. Enum.GetValues<LossReason>().Select(reason => reason switch
        {
            LossReason.KernelRing => 4L,
            LossReason.NoSensor => 1,
            LossReason.Malformed => 2,
            _ => 0,
        })])
    { Merged = 70, UnseenEstimate = 630, SliceEvictions = 5 };

    /// <summary>A page that has every metric.</summary>
    public static async Task<MetricsPage> PageAsync()
    {
        using var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => Ledger,
            Status = () => Status,
            Pods = () => [new("a", "p", "u-p", 10, 1000, 1) { RejectedEstimate = 7 }],
            FrameAge = () => new HistogramSnapshot([0.001], [9, 0], 0.25),
            PolicyReloadSuccessful = () => true,
            Certificates = () => [("serving", DateTimeOffset.UnixEpoch)],
            Watches = () => [new("pods", 7, DateTimeOffset.UnixEpoch, ImmutableSortedDictionary<string, long>.Empty.Add("expired", 2))],
        });
        return await MetricsPage.Of(metrics);
    }

    public static AgentHealth Healthy()
    {
        var health = new AgentHealth();
        health.AddHeartbeat("capture", TimeSpan.FromHours(1));
        health.AddMilestone("pods listed").Reach();
        return health;
    }

    private static Pod Pod(string space, string name, params string[] ips) =>
        new() { Uid = $"u-{name}", Namespace = space, Name = name, Ips = [.. ips.Select(IPAddress.Parse)] };

    private static MirrorRule Rule(string name, uint vni) => new(name, LabelSelector.Everything, LabelSelector.Everything, vni);
}
