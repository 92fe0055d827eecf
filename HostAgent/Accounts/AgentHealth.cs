using System.Collections.Concurrent;

namespace HostAgent.Accounts;

/// <summary>
/// Whether the agent is live (every part that must make progress did so lately) and ready (every milestone of its start is reached).
/// Ready is for life: an API server that goes away later is a matter of metrics and warnings, since captures go on.
/// </summary>
public sealed class AgentHealth(TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly ConcurrentQueue<Heartbeat> _heartbeats = new();
    private readonly ConcurrentQueue<Milestone> _milestones = new();

    public HealthReport Live => Report(_heartbeats.Select(heartbeat => heartbeat.Check()));

    public HealthReport Ready => Report(_milestones.Select(milestone => (milestone.Reached, milestone.Name)));

    /// <summary>A part that must beat at least once in <paramref name="patience"/> from now on, or the agent counts as hung.</summary>
    public Heartbeat AddHeartbeat(string name, TimeSpan patience)
    {
        var heartbeat = new Heartbeat(name, patience, _time);
        _heartbeats.Enqueue(heartbeat);
        return heartbeat;
    }

    /// <summary>Something that must have happened before the agent is ready. All are added before the HTTP endpoint starts.</summary>
    public Milestone AddMilestone(string name)
    {
        var milestone = new Milestone(name);
        _milestones.Enqueue(milestone);
        return milestone;
    }

    // As Kubernetes' own components print theirs. Without a single part it is not healthy: nothing runs yet.
    private static HealthReport Report(IEnumerable<(bool Ok, string Text)> parts)
    {
        (bool Ok, string Text)[] all = [.. parts];
        return new(
            all.Length > 0 && all.All(part => part.Ok), string.Concat(all.Select(part => $"[{(part.Ok ? '+' : '-')}] {part.Text}\n")));
    }
}
