using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// Keeps a <see cref="ResourceStore{T}"/> equal to what an <see cref="IResourceApi{T}"/> offers: list, watch, and begin again after
/// whatever happens. Only cancellation ends it.
/// </summary>
public sealed class ListWatch<T>(IResourceApi<T> api, ResourceStore<T> store, ILogger logger, Backoff? backoff = null)
    where T : class, IResource
{
    /// <summary>A watch that lasts this long has worked, even if it had nothing to tell.</summary>
    private static readonly TimeSpan Worked = TimeSpan.FromSeconds(1);

    /// <summary>
    /// So many watches in a row that the server answered and that failed all the same from one version are reason to doubt the version.
    /// An absent server is none: when it is back, its agents go on from where they were rather than all list at once.
    /// </summary>
    private const int MostDoubts = 3;

    private readonly Backoff _backoff = backoff ?? Backoff.Default;
    private readonly long[] _restarts = new long[RestartReasonNames.Count];
    private long _lastEvent;
    private volatile string? _problem;

    /// <summary>For the label <c>resource</c> of the metrics.</summary>
    public string Resource => api.Resource;

    /// <summary>How many objects the store holds (hostagent_watch_objects).</summary>
    public int Objects => store.Current.Count;

    /// <summary>
    /// When the source was last heard of: a page, an event or a bookmark (hostagent_watch_last_event_timestamp_seconds); null for never.
    /// </summary>
    public DateTimeOffset? LastEvent => Interlocked.Read(ref _lastEvent) is var ticks and not 0
        ? new DateTimeOffset(ticks, TimeSpan.Zero)
        : null;

    /// <summary>Why the last attempt failed, in words for an operator; null while list and watch work.</summary>
    public string? Problem => _problem;

    /// <summary>hostagent_watch_restarts_total.</summary>
    public long Restarts(RestartReason reason) => Interlocked.Read(ref _restarts[(int)reason]);

    /// <summary>Runs until it is cancelled, and then ends without an exception.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        string? version = null;
        int failures = 0;
        int doubts = 0;
        RestartReason? previous = null;
        while (!cancellation.IsCancellationRequested)
        {
            TimeSpan? asked = null;
            var watch = new Progress();
            RestartReason reason;
            try
            {
                version ??= await ListAsync(cancellation);
                watch.Start(version);
                reason = await WatchAsync(watch, cancellation);
            }
            catch (Exception) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                reason = Classify(e);
                asked = (e as ResourceApiException)?.RetryAfter;
                Report(e, reason);
            }

            Interlocked.Increment(ref _restarts[(int)reason]);
            version = watch.Version;
            bool worked = watch.Worked(Worked);
            bool answered = watch.Begun || reason is RestartReason.Malformed or RestartReason.Status or RestartReason.Error;
            failures = worked ? 0 : failures + 1;
            doubts = worked || version is null ? 0 : answered ? doubts + 1 : doubts;
            // 410 after an outage is what is to be expected, and the list that mends it need not wait; 410 after 410 must.
            bool atOnce = reason == RestartReason.Expired
                ? worked || previous != RestartReason.Expired
                : reason == RestartReason.Ended && worked;
            previous = reason;
            if (reason == RestartReason.Expired || doubts >= MostDoubts) version = null;
            logger.LogDebug("{Resource}: starting again after {Reason}, from {Version}", Resource, reason.Name(), version ?? "a new list");
            if (!atOnce && !await DelayAsync(Math.Max(1, failures), asked, cancellation)) return;
        }
    }

    private static RestartReason Classify(Exception e) => e switch
    {
        ResourceApiException named => named.Reason,
        JsonException or MalformedObjectException or InvalidDataException => RestartReason.Malformed,
        HttpRequestException or IOException or SocketException => RestartReason.Connection,
        OperationCanceledException or TimeoutException => RestartReason.Timeout,
        _ => RestartReason.Error,
    };

    /// <returns>The version from which to watch.</returns>
    private async Task<string> ListAsync(CancellationToken cancellation)
    {
        var items = new List<T>();
        string? continueToken = null;
        while (true)
        {
            ResourcePage<T> page = await api.ListAsync(continueToken, cancellation);
            Heard();
            items.AddRange(page.Items);
            if (page.Continue is null)
            {
                // Only now: a page alone says nothing about what is gone.
                store.Replace(items);
                return page.ResourceVersion;
            }

            if (page.Continue == continueToken)
                throw new ResourceApiException(RestartReason.Malformed, $"list {Resource}: the same page again and again");
            continueToken = page.Continue;
        }
    }

    private async Task<RestartReason> WatchAsync(Progress watch, CancellationToken cancellation)
    {
        await foreach (WatchEvent<T> @event in api.WatchAsync(watch.Version!, cancellation))
        {
            if (@event.Kind == WatchEventKind.Expired) return RestartReason.Expired;
            Heard();
            if (@event.Object is { } item) store.Apply(@event.Kind, item);
            watch.Reached(@event.ResourceVersion);
            if (_problem is null) continue;
            _problem = null;
            logger.LogInformation("{Resource}: the watch works again", Resource);
        }

        return RestartReason.Ended;
    }

    private void Heard() => Interlocked.Exchange(ref _lastEvent, DateTimeOffset.UtcNow.Ticks);

    /// <summary>Once per problem, since an outage of hours is one event.</summary>
    private void Report(Exception e, RestartReason reason)
    {
        if (_problem == e.Message) return;
        _problem = e.Message;
        if (reason == RestartReason.Error) logger.LogError(e, "{Resource}: unexpected failure; trying again", Resource);
        else logger.LogWarning("{Resource}: {Problem}; trying again, the last known state is kept", Resource, _problem);
    }

    private async Task<bool> DelayAsync(int failures, TimeSpan? asked, CancellationToken cancellation)
    {
        await Task.Delay(_backoff.Delay(failures, asked), cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !cancellation.IsCancellationRequested;
    }

    /// <summary>How far one watch came.</summary>
    private sealed class Progress
    {
        private long _started;
        private bool _moved;

        /// <summary>Null until there is a list.</summary>
        public string? Version { get; private set; }

        public void Start(string version)
        {
            Version = version;
            _started = Environment.TickCount64;
        }

        /// <summary>The server has said something on this watch.</summary>
        public bool Begun { get; private set; }

        public void Reached(string version)
        {
            Begun = true;
            _moved |= version != Version;
            Version = version;
        }

        public bool Worked(TimeSpan duration) =>
            Version is not null && (_moved || Environment.TickCount64 - _started >= duration.TotalMilliseconds);
    }
}
