using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Frames;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using static HostAgent.Interop.LinuxIfEther;

namespace HostAgent.Deciding;

/// <summary>
/// From what is known to what is to be done: policy, pods and links in; sensor and coverage out. <c>run</c> acts on its answer,
/// <c>check</c> prints it, so they differ only in what they know: <c>check</c> has not listened. It remembers which link was whose, and is
/// not thread-safe.
/// </summary>
internal sealed class Survey
{
    /// <summary>In place of the one that selects a pod.</summary>
    private static readonly MirrorRule NoRule = new("none", LabelSelector.Everything, LabelSelector.Everything, 0);

    private readonly LinkLookups _lookups;
    private readonly PodLinkMatcher _matcher;
    private readonly SensorResolver _sensors;

    public Survey(LinkLookups lookups)
    {
        _lookups = lookups;
        _matcher = new PodLinkMatcher(lookups.All);
        _sensors = new SensorResolver(lookups.All);
    }

    /// <param name="policy">The policy in force.</param>
    /// <param name="pods">All pods of the node.</param>
    /// <param name="namespaces">All namespaces that are known.</param>
    /// <param name="links">The kernel's side.</param>
    /// <param name="isTapped">Whose links are asked for: <see cref="Coverage.Beside"/> has them, as far as the policy permits.</param>
    public (SensorStatus Sensor, Coverage Coverage) Take(
        MirrorPolicy policy, IReadOnlyCollection<Pod> pods, IEnumerable<Namespace> namespaces, LinkSnapshot links,
        Predicate<Pod>? isTapped = null)
    {
        ImmutableArray<ScopeDecision> scope = PodScope.Decide(policy, pods, namespaces);
        MatchingRound round = _matcher.Match(
            scope.Select(decision => (decision.Pod, decision.Rule)), links,
            pod => PodScope.IsSensor(policy.Sensor, pod) || (policy.Tap == TapScope.Any && isTapped?.Invoke(pod) == true));
        SensorStatus sensor = _sensors.Resolve(policy.Sensor, pods, round);
        Coverage coverage = (round.Coverage with
        {
            Beside = policy.Tap != TapScope.Any || isTapped is null ? [] :
            [
                .. scope.Where(decision => decision.Rule is null && isTapped(decision.Pod))
                    .Select(decision => Beside(policy.Sensor, decision, round)),
            ],
        }).WithoutSensors([.. sensor.Endpoints.Select(endpoint => endpoint.Link.Index)]);
        _lookups.Follow(coverage);
        var reasons = scope.Where(decision => decision.Rule is null)
            .ToDictionary(decision => decision.Pod.Uid, decision => decision.Reason);
        // A lookup that is of no use is no matter for an operator while the others find everything.
        bool allFound = coverage.Sought.IsEmpty && sensor.State != SensorState.Refused;
        return (sensor, coverage with
        {
            Warnings = [.. coverage.Warnings, .. TooLargeSegments(policy.Sensor.Segments, sensor), .. allFound ? [] : _lookups.Problems],
            Notes = [.. coverage.Notes, .. TooLong(sensor, coverage)],
            Pods = [.. coverage.Pods.Select(pod => pod.State == PodState.NotSelected && !pod.Pod.Finished
            ? pod with { Reason = reasons.GetValueOrDefault(pod.Pod.Uid) ?? pod.Reason }
            : pod)]
        });
    }

    /// <summary>Sensors are never captured, whatever the policy says: their traffic is that of others.</summary>
    private static PodCoverage Beside(SensorPolicy sensor, ScopeDecision decision, MatchingRound round) =>
        PodScope.IsSensor(sensor, decision.Pod)
            ? new PodCoverage(decision.Pod, null, PodState.NotSelected, decision.Reason, [])
            : round.CoverageBy(NoRule, decision.Pod);

    /// <summary>
    /// Where frames do not fit the sensor's link as they are. So it is with most network plugins, and sensors live with it.
    /// </summary>
    private static IEnumerable<string> TooLong(SensorStatus sensor, Coverage coverage)
    {
        int longest = coverage.Pods.SelectMany(pod => pod.Links).Select(match => match.Link.Mtu).DefaultIfEmpty().Max();
        // A record of a stream is as long as its frame.
        foreach (SensorEndpoint endpoint in sensor.Reads == SensorReads.Stream ? [] : sensor.Endpoints)
        {
            // The pod's MTU does not count the Ethernet header, which is inside here.
            int needed = longest + ETH_HLEN + Vxlan.Overhead(endpoint.Address.AddressFamily);
            if (longest == 0 || needed <= endpoint.Link.Mtu) continue;
            yield return $"the sensor's link {endpoint.Link.Name} has MTU {endpoint.Link.Mtu}: "
                + $"frames that came whole may need {needed} and are sent as IP fragments, which a sensor without reassembly does not see, "
                + "and the segments of super-frames are cut shorter than they were on the wire; for neither, "
                + $"put the sensor on the host network, or give both ends of that link an MTU of {needed}";
        }
    }

    /// <summary>Where a number in the policy cannot be what segments are.</summary>
    private static IEnumerable<string> TooLargeSegments(SegmentLimit limit, SensorStatus sensor)
    {
        foreach (SensorEndpoint endpoint in limit.IsNumber && sensor.Reads != SensorReads.Stream ? sensor.Endpoints : [])
        {
            int takes = Vxlan.MaxInnerFrame(endpoint.Address.AddressFamily, endpoint.Link.Mtu);
            if (limit.Bytes <= takes) continue;
            yield return $"sensor.segments allows frames of {limit.Bytes} bytes, and the sensor's link {endpoint.Link.Name} "
                + $"with MTU {endpoint.Link.Mtu} takes {takes}, so segments are no larger than that; say segments: link, "
                + $"or give both ends of that link an MTU of {limit.Bytes + Vxlan.Overhead(endpoint.Address.AddressFamily)}";
        }
    }
}
