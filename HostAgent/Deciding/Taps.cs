using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// Who taps which pod of this node, with the agent's leave. Each tap is judged anew in every round of matching, so a policy that changes
/// ends those that it does not permit. Each is on record: when it begins, is refused, changes and ends. A tap captures by itself, with a
/// ring of its own; here is only said whether and where.
/// </summary>
/// <param name="audit">The logger of <see cref="ScopeAudit.Category"/>.</param>
internal sealed class Taps(ILogger audit)
{
    /// <summary>More than people need, and what a node can bear: each runs in the agent's container, with its limits.</summary>
    public const int AtOnce = 4;

    // 1 and 2 are ScopeAudit's.
    public static readonly EventId Began = new(3, "TapBegan"), Refused = new(4, "TapRefused"), Changes = new(5, "TapChanged"),
        Ended = new(6, "TapEnded");

    private const string Asked =
        "filter {Filter}, limits {Limits}, by {Peer}, process {Process}, user {User}, login {Login}, command {Command}";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly List<OpenTap> _open = [];
    private bool _ended;

    /// <summary>Somebody asks: a round is due.</summary>
    public event Action? Changed;

    /// <summary>Whether somebody asks for this pod. Any thread may call it.</summary>
    public bool Wants(Pod pod)
    {
        lock (_gate) return _open.Exists(tap => tap.Request.IsFor(pod));
    }

    /// <summary>To be called after each round that knew all pods and namespaces.</summary>
    public void Look(TapScope allowed, AgentStatus status, ImmutableArray<PodCoverage> beside)
    {
        lock (_gate) foreach (OpenTap tap in _open) tap.Tell(TapDecision.Of(tap.Request, allowed, status, beside));
    }

    /// <summary>The agent ends, and with it whoever would notice that a tap is not permitted any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            foreach (OpenTap tap in _open) tap.End();
        }
    }

    /// <summary>What is said to a request, until it is refused or cancelled: first whether it is granted, then each change.</summary>
    public async IAsyncEnumerable<TapDecision> AskAsync(
        TapRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        OpenTap? tap = Open(request);
        try
        {
            TapDecision now = tap is null
                ? new TapDecision(TapVerdict.Refused, _ended ? OpenTap.Ending : $"{AtOnce} taps run on this node already: end one")
                : await tap.FirstAsync(Patience, cancellation).ConfigureAwait(false);
            if (now.Verdict != TapVerdict.Granted)
            {
                Refuse(request, now);
                yield return now;
                yield break;
            }

            await foreach (TapDecision decision in FollowAsync(tap!, now, cancellation).ConfigureAwait(false)) yield return decision;
        }
        finally
        {
            if (tap is not null) Close(tap);
        }
    }

    private async IAsyncEnumerable<TapDecision> FollowAsync(
        OpenTap tap, TapDecision now, [EnumeratorCancellation] CancellationToken cancellation)
    {
        TapRequest request = tap.Request;
        long start = Stopwatch.GetTimestamp();
        string reason = "whoever tapped has ended it";
        audit.LogInformation(
            Began, "Tap began: pod {Namespace}/{Pod} uid {Uid}, rule {Rule}, links {Links}, " + Asked,
            [request.Namespace, request.Pod, now.Pod!.Uid, now.Rule ?? "none", now.LinkNames, .. What(request)]);
        try
        {
            while (true)
            {
                yield return now;
                if (now.Verdict is TapVerdict.Refused or TapVerdict.Finished) yield break;
                now = await tap.NextAsync(cancellation).ConfigureAwait(false);
                if (now.Verdict is TapVerdict.Refused or TapVerdict.Finished)
                {
                    reason = now.Reason!;
                    continue;
                }

                audit.LogInformation(
                    Changes, "Tap changed: pod {Namespace}/{Pod} uid {Uid}, rule {Rule}, links {Links}, process {Process}: {Reason}",
                    request.Namespace, request.Pod, now.Pod?.Uid ?? "none", now.Rule ?? "none", now.LinkNames, request.Asker.Process,
                    now.Reason ?? "it goes on there");
            }
        }
        finally
        {
            audit.LogInformation(
                Ended, "Tap ended: pod {Namespace}/{Pod}, process {Process}, after {Seconds} s: {Reason}",
                request.Namespace, request.Pod, request.Asker.Process, (long)Stopwatch.GetElapsedTime(start).TotalSeconds, reason);
        }
    }

    private void Refuse(TapRequest request, TapDecision decision) => audit.LogInformation(
        Refused, "Tap refused: pod {Namespace}/{Pod}, " + Asked + ": {Reason}",
        [request.Namespace, request.Pod, .. What(request), decision.Reason]);

    private static object[] What(TapRequest request)
    {
        TapAsker by = request.Asker;
        return
        [
            request.Filter ?? "none", request.Limits ?? "none", by.Peer?.ToString() ?? "unknown", Known(by.Process, "unknown"),
            Known(by.User, "unknown"), Known(by.Login, "none"), by.Command ?? "unknown",
        ];

        static object Known(int? value, string otherwise) => value is { } known ? known : otherwise;
    }

    private OpenTap? Open(TapRequest request)
    {
        lock (_gate)
        {
            if (_ended || _open.Count >= AtOnce) return null;
            var tap = new OpenTap(request);
            _open.Add(tap);
            Changed?.Invoke();
            return tap;
        }
    }

    private void Close(OpenTap tap)
    {
        lock (_gate) _open.Remove(tap);
    }
}
