using HostAgent.Accounts;
using HostAgent.Cluster;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// Tells the API server, as Kubernetes Events, of what is wrong and stays so: once, and again every half hour while it lasts, as the same
/// event's series. It looks once a second at what is the case, so nothing waits for it, and what comes and goes in between costs nothing.
/// </summary>
/// <param name="events">Where they are written.</param>
/// <param name="self">The agent's own pod. What is about the agent is about the DaemonSet that made it.</param>
/// <param name="troubles">What is wrong now.</param>
/// <param name="logger">For faults.</param>
/// <param name="clock">For the times.</param>
internal sealed class EventRecorder(
    ClusterEvents events, PodName self, Func<IEnumerable<Trouble>> troubles, ILogger<EventRecorder> logger, TimeProvider? clock = null)
    : IWarns
{
    /// <summary>At once. After that one every <see cref="Refill"/>: a node full of pods that cannot be captured is no flood.</summary>
    public const int Burst = 25;

    public static readonly TimeSpan Refill = TimeSpan.FromSeconds(10);

    /// <summary>What is over sooner is not told: a policy that is written twice, a sensor that is started again at once.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The API server forgets an event after an hour, unless it is told otherwise.</summary>
    public static readonly TimeSpan Again = TimeSpan.FromMinutes(30);

    /// <summary>After a failure.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly FaultLog _faults = new(logger, "Writing Kubernetes Events");
    private readonly Dictionary<Trouble, Told> _known = [];
    private EventSubject? _owner;
    private DateTimeOffset _full = DateTimeOffset.MinValue;
    private volatile string? _problem;

    public IEnumerable<string> Warnings() => _problem is { } problem ? [$"Kubernetes Events are not written: {problem}"] : [];

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Interval, _clock);
        try
        {
            do
            {
                await LookAsync(cancellation);
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Writes what is due.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        HashSet<Trouble> present = [.. troubles()];
        foreach (Trouble trouble in present) _known.TryAdd(trouble, new Told(now + Patience));
        foreach ((Trouble trouble, Told told) in _known)
        {
            // What was told is remembered until it may be told again, so that what flaps is one event every half hour.
            if (!present.Contains(trouble) && (told.Event is null || told.Due <= now)) _known.Remove(trouble);
        }

        foreach ((Trouble trouble, Told told) in _known.Where(known => known.Value.Due <= now).OrderBy(known => known.Value.Due).ToArray())
        {
            if (!MayWrite(now)) break;
            await TellAsync(trouble, told, now, cancellation);
        }

        _problem = _known.Values.Select(told => told.Problem).FirstOrDefault(problem => problem is not null);
    }

    private async Task TellAsync(Trouble trouble, Told told, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            if (told.Event is null || !await events.RepeatAsync(told.Event, told.Count + 1, now, cancellation))
            {
                EventSubject about = trouble.About ?? (_owner ??= await events.OwnerAsync(self, cancellation));
                var made = new ClusterEvent(about, trouble.Reason, trouble.Note, self.Name, _clock.GetUtcNow());
                await events.CreateAsync(made, cancellation);
                (told.Event, told.Count) = (made, 0);
            }

            (told.Count, told.Due, told.Problem) = (told.Count + 1, now + Again, null);
        }
        catch (ApiCallException e)
        {
            (told.Due, told.Problem) = (now + Retry, e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException and not OperationCanceledException)
        {
            told.Due = now + Retry;
            _faults.Log(e);
        }
    }

    /// <summary>A bucket, as the time at which it will be full.</summary>
    private bool MayWrite(DateTimeOffset now)
    {
        DateTimeOffset next = (_full > now ? _full : now) + Refill;
        if (next - now > Burst * Refill) return false;
        _full = next;
        return true;
    }

    /// <summary>What the API server knows of a trouble.</summary>
    private sealed class Told(DateTimeOffset due)
    {
        /// <summary>When it is to be told next.</summary>
        public DateTimeOffset Due { get; set; } = due;

        /// <summary>Null until it was told.</summary>
        public ClusterEvent? Event { get; set; }

        /// <summary>How often.</summary>
        public int Count { get; set; }

        /// <summary>Why it could not be told.</summary>
        public string? Problem { get; set; }
    }
}
