using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// Logs what is new in the status, a line for the policy, the sensor and each pod, in the words that /status has. What flaps gets a line
/// now and then, which says how often it changed and what it is now; /status itself is never behind.
/// </summary>
internal sealed class StatusLog(ILogger logger, TimeProvider? clock = null)
{
    /// <summary>As many as a pod or a sensor needs to come up.</summary>
    private const int AtOnce = 5;

    private const string Again = " (changed {Changes} times since its last line)";

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Damper _sensor = new(AtOnce, clock ?? TimeProvider.System);
    private readonly Dictionary<string, (Pod Pod, Damper Changes)> _pods = [];

    /// <summary>To be called every few seconds, also when nothing is new: what was kept back may be due.</summary>
    public void Log(AgentStatus before, AgentStatus after)
    {
        if (after.PolicyRevision != before.PolicyRevision) logger.LogInformation("Policy {Revision} is in force", after.PolicyRevision);
        if (!Same(before.Sensor, after.Sensor)) _sensor.Happened();
        if (_sensor.Due() is > 0 and int times) Say(after.Sensor, times);
        var gone = before.Pods.ToDictionary(pod => pod.Pod.Uid);
        foreach (PodCoverage pod in after.Pods)
        {
            bool known = gone.Remove(pod.Pod.Uid, out PodCoverage? was);
            if (known ? !Same(was!, pod) : pod.State != PodState.NotSelected) Changed(pod.Pod);
        }

        foreach (PodCoverage pod in gone.Values.Where(pod => pod.State != PodState.NotSelected)) Changed(pod.Pod);
        if (_pods.Count > 0) SayPods(after);
    }

    private void Changed(Pod pod)
    {
        if (!_pods.TryGetValue(pod.Uid, out (Pod Pod, Damper Changes) known)) _pods[pod.Uid] = known = (pod, new Damper(AtOnce, _clock));
        known.Changes.Happened();
    }

    private void SayPods(AgentStatus status)
    {
        var now = status.Pods.ToDictionary(pod => pod.Pod.Uid);
        foreach ((string uid, (Pod pod, Damper changes)) in _pods)
        {
            if (changes.Due() is > 0 and int times) Say(pod, now.GetValueOrDefault(uid), times);
            else if (changes.IsCalm) _pods.Remove(uid);
        }
    }

    private void Say(SensorStatus sensor, int times)
    {
        string state = sensor.State.Name();
        string endpoints = string.Join(", ", sensor.Endpoints.Select(e => $"{e.Address} port {e.Port} on {e.Link.Name}"));
        if (endpoints.Length == 0) Say(times, "Sensor {State}: {Reason}", state, sensor.Reason);
        else if (sensor.Reason is null) Say(times, "Sensor {State}: {Endpoints}", state, endpoints);
        else Say(times, "Sensor {State}: {Endpoints}; {Reason}", state, endpoints, sensor.Reason);
    }

    private void Say(Pod pod, PodCoverage? now, int times)
    {
        if (now is null)
        {
            Say(times, "Pod {Namespace}/{Pod} has left the node", pod.Namespace, pod.Name);
            return;
        }

        string state = now.State.Name();
        string links = string.Join(", ", now.Links.Select(match => $"{match.Link.Name} by {match.FoundBy.Name()}"));
        if (links.Length > 0)
            Say(times, "Pod {Namespace}/{Pod} {State}: rule {Rule}, {Links}", pod.Namespace, pod.Name, state, now.Rule?.Name, links);
        else if (now.Rule is { } rule)
            Say(times, "Pod {Namespace}/{Pod} {State}: rule {Rule}, {Reason}", pod.Namespace, pod.Name, state, rule.Name, now.Reason);
        else
            Say(times, "Pod {Namespace}/{Pod} {State}: {Reason}", pod.Namespace, pod.Name, state, now.Reason);
    }

    private void Say(int times, string line, params object?[] values)
    {
        if (times == 1) logger.LogInformation(line, values);
        else logger.LogInformation(line + Again, [.. values, times]);
    }

    private static bool Same(SensorStatus a, SensorStatus b) =>
        a.State == b.State && a.Reason == b.Reason && a.Endpoints.SequenceEqual(b.Endpoints);

    private static bool Same(PodCoverage a, PodCoverage b) => a.State == b.State && a.Reason == b.Reason && a.Rule?.Name == b.Rule?.Name
        && a.Links.Select(l => (l.Link.Index, l.FoundBy)).SequenceEqual(b.Links.Select(l => (l.Link.Index, l.FoundBy)));
}
