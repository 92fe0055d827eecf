using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;

namespace HostAgent.Tests.Tunnel;

/// <summary>Matcher and resolver as the agent has them: in each round all pods are matched first.</summary>
internal sealed class SensorFinder
{
    public static readonly SensorPolicy Select = new()
    {
        Selector = new LabelSelector([new LabelRequirement("run", LabelOperator.In, ["sensor"])]),
        Namespaces = ["security"],
    };

    private readonly PodLinkMatcher _matcher;
    private readonly SensorResolver _resolver;

    public SensorFinder(TimeProvider? clock = null)
    {
        _matcher = new PodLinkMatcher(MonitoredNode.Lookups, clock);
        _resolver = new SensorResolver(MonitoredNode.Lookups);
    }

    /// <summary>A pod that <see cref="Select"/> means.</summary>
    public static Pod Sensor(string name, params string[] ips) => MonitoredNode.Pod(name, ips) with
    {
        Namespace = "security",
        Labels = ImmutableDictionary<string, string>.Empty.Add("run", "sensor"),
    };

    public SensorStatus Resolve(MonitoredNode at, SensorPolicy policy, params Pod[] pods) => at.Node.Namespace.Run(() =>
    {
        MatchingRound round = _matcher.Match(pods.Select(pod => (pod, (MirrorRule?)null)), at.Snapshot);
        return _resolver.Resolve(policy, pods, round);
    });
}
