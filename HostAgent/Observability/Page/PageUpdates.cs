using System.Collections.Immutable;
using System.Text.Json;
using HostAgent.Deciding;
using HostAgent.Policy;

namespace HostAgent.Observability;

/// <summary>
/// Makes what the page shows: when somebody asks, and once a second at most, however many ask. Any thread may.
/// </summary>
internal sealed class PageUpdates(ServedContent content)
{
    /// <summary>A little less than the time between two questions of the same asker, who is to get another answer each time.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(900);

    private readonly TimeProvider _clock = content.Page.Clock;
    private readonly Lock _gate = new();
    private PageUpdate? _latest;
    private long _taken;
    private (AgentStatus Status, ImmutableArray<PolicyError> Errors, IReadOnlyList<RecentChange> Changes) _shown;

    public PageUpdate Latest()
    {
        lock (_gate)
        {
            long now = _clock.GetTimestamp();
            if (_latest is not null && _clock.GetElapsedTime(_taken, now) < Fresh) return _latest;
            PageUpdate update = new(State(), Counts());
            (_latest, _taken) = (update, now);
            return update;
        }
    }

    /// <summary>Nobody looks any more.</summary>
    public void Forget()
    {
        lock (_gate) (_latest, _shown) = (null, default);
    }

    private byte[] State()
    {
        PageSources page = content.Page;
        (AgentStatus Status, ImmutableArray<PolicyError> Errors, IReadOnlyList<RecentChange> Changes) now =
            (content.Status(), page.PolicyErrors(), page.Changes());
        if (_latest is { } latest && now == _shown) return latest.State;
        byte[] state = JsonSerializer.SerializeToUtf8Bytes(
            PageState.From(now.Status, now.Errors, now.Changes), PageJson.Default.PageState);
        _shown = now;
        // Each round of matching makes a new status, mostly of the same words.
        return _latest is { } last && state.AsSpan().SequenceEqual(last.State) ? last.State : state;
    }

    private byte[] Counts() => JsonSerializer.SerializeToUtf8Bytes(
        new PageCounts(
            _clock.GetUtcNow().ToUnixTimeMilliseconds(),
            StatusDocument.From(content.Status(), content.Ledger()).Ledger!,
            content.Page.Pods().Select(pod => new PageCounts.CountPart(pod.Uid, pod.Frames, pod.Bytes, pod.Lost))),
        PageJson.Default.PageCounts);
}
