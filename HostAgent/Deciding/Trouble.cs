using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Sensors;

namespace HostAgent.Deciding;

/// <summary>Something that is wrong now, and of which <c>kubectl describe</c> of the object that it is about should tell.</summary>
/// <param name="About">A pod; null for the agent itself.</param>
/// <param name="Reason">An event's: a name for it, the same for all that are alike.</param>
/// <param name="Note">In words.</param>
internal sealed record Trouble(EventSubject? About, string Reason, string Note)
{
    public const string PolicyRejected = nameof(PolicyRejected);
    public const string SensorLost = nameof(SensorLost);
    public const string PodNotCaptured = nameof(PodNotCaptured);

    /// <param name="status">As it is now.</param>
    /// <param name="policyProblem">Why the policy file is not in force; null when it is.</param>
    public static IEnumerable<Trouble> In(AgentStatus status, string? policyProblem)
    {
        // The DaemonSet's events are those of all its nodes.
        if (policyProblem is not null) yield return new Trouble(null, PolicyRejected, $"node {status.Node}: {policyProblem}");
        if (status.Sensor.State != SensorState.Ready)
        {
            yield return new Trouble(null, SensorLost,
                $"node {status.Node}: frames are delivered to nobody, the sensor is {status.Sensor.State.Name()}: {status.Sensor.Reason}");
        }

        // Of a pod that is going nobody needs to know, and its namespace may take no event any more.
        foreach (PodCoverage pod in status.Pods.Where(pod => pod is { State: PodState.Unsupported, Pod.Terminating: false }))
        {
            yield return new Trouble(
                EventSubject.Of(pod.Pod), PodNotCaptured, $"rule {pod.Rule!.Name} selects it, and it cannot be captured: {pod.Reason}");
        }
    }
}
