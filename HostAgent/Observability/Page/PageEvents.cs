using System.Buffers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Observability;

/// <summary>
/// /events: server-sent events (HTML Standard, 9.2) for the page, <c>counts</c> once a second and before it <c>state</c> where that has
/// changed. Each client takes the latest update when it is ready for one, so none waits for another, and one that falls behind misses
/// updates rather than having them kept for it.
/// </summary>
internal sealed class PageEvents(ServedContent content)
{
    internal const int MaxClients = 8;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How long a client may take for an update, before it is dropped. The page then comes again by itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly PageUpdates _updates = new(content);
    private int _clients;

    public async Task AnswerAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (Interlocked.Increment(ref _clients) > MaxClients)
        {
            Interlocked.Decrement(ref _clients);
            response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            response.Headers.RetryAfter = "10";
            response.ContentType = "text/plain; charset=utf-8";
            Encoding.UTF8.GetBytes($"{MaxClients} pages are open already: close one of them\n", response.BodyWriter);
            return;
        }

        // The server lets requests end before it ends itself, and this one would not.
        CancellationToken closing = context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, closing);
        try
        {
            response.ContentType = "text/event-stream";
            if (HttpMethods.IsHead(context.Request.Method)) return;
            await SseFormatter.WriteAsync(FollowAsync(leaving, leaving.Token), response.Body,
                static (item, output) => output.Write(item.Data), leaving.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
            // It has left, or was too slow.
            if (!closing.IsCancellationRequested) context.Abort();
        }
        finally
        {
            if (Interlocked.Decrement(ref _clients) == 0) _updates.Forget();
        }
    }

    /// <param name="patience">Ends it all when an update is not taken in time.</param>
    /// <param name="cancellation">Its token.</param>
    private async IAsyncEnumerable<SseItem<byte[]>> FollowAsync(
        CancellationTokenSource patience, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Interval, content.Page.Clock);
        PageUpdate? shown = null;
        do
        {
            PageUpdate update = _updates.Latest();
            if (update == shown) continue;
            patience.CancelAfter(Patience);
            if (update.State != shown?.State) yield return new SseItem<byte[]>(update.State, "state");
            yield return new SseItem<byte[]>(update.Counts, "counts");
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            shown = update;
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }
}
