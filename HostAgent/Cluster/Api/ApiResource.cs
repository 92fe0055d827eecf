using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>Lists and watches one resource of the API server, once per call; when to call again is the loop's business.</summary>
/// <param name="resource">The plural resource name.</param>
/// <param name="ask">Asks the server for it.</param>
/// <param name="read">Trims an object as it is parsed.</param>
/// <param name="timeouts">How long to wait.</param>
/// <param name="logger">For objects that cannot be used.</param>
internal sealed class ApiResource<T>(
    string resource, Func<ListOptions, CancellationToken, Task<HttpResponseMessage>> ask, ObjectReader<T> read,
    ApiTimeouts timeouts, ILogger logger)
    : IResourceApi<T>
{
    private const int PageSize = 500;

    private const int LargestStatus = 64 << 10;

    // What the server has in its cache is good enough for a list and cheap; but after it had to say that its history does not reach back
    // to what that cache gave, the next list has to be read from etcd, or the two would go on contradicting each other.
    private volatile bool _readThrough;

    public string Resource => resource;

    public async Task<ResourcePage<T>> ListAsync(string? continueToken, CancellationToken cancellation)
    {
        var options = new ListOptions
        {
            Limit = PageSize,
            Continue = continueToken,
            ResourceVersion = continueToken is null && !_readThrough ? "0" : null,
        };
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            idle.CancelAfter(timeouts.Answer);
            using HttpResponseMessage response = await AskAsync("list", options, idle.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(idle.Token);
            ResourcePage<T> page = await ReadPageAsync(body, idle);
            if (page.Continue is null) _readThrough = false;
            return page;
        }
        catch (Exception e)
        {
            throw Explained(e, "list", idle, cancellation);
        }
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(string resourceVersion, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var seconds = (int)Math.Ceiling(timeouts.Watch.TotalSeconds * (1 + (Random.Shared.NextDouble() / 4)));
        using var watchdog = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        watchdog.CancelAfter(timeouts.Answer);
        using HttpResponseMessage? response = await StartAsync(resourceVersion, seconds, watchdog, cancellation);
        if (response is null)
        {
            yield return new WatchEvent<T>(WatchEventKind.Expired, resourceVersion, default);
            yield break;
        }

        watchdog.CancelAfter(TimeSpan.FromSeconds(seconds) + timeouts.Grace);
        yield return new WatchEvent<T>(WatchEventKind.Bookmark, resourceVersion, default);
        await using Stream body = await response.Content.ReadAsStreamAsync(watchdog.Token);
        using var pieces = new JsonPieces(body, ofList: false);
        while (await NextAsync(pieces, watchdog, cancellation) is { } next)
        {
            yield return next;
            if (next.Kind == WatchEventKind.Expired) yield break;
        }
    }

    private async Task<HttpResponseMessage> AskAsync(string verb, ListOptions options, CancellationToken cancellation)
    {
        HttpResponseMessage response = await ask(options, cancellation);
        if (response.StatusCode == HttpStatusCode.OK) return response;
        using (response)
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
            var text = new byte[LargestStatus];
            int length = await body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, cancellation);
            ApiStatus status = ApiStatus.Read(text.AsSpan(0, length), (int)response.StatusCode);
            if (response.StatusCode == HttpStatusCode.Gone) _readThrough = true;
            TimeSpan? asked = response.Headers.RetryAfter switch
            {
                { Delta: { } delta } => delta,
                { Date: { } date } when date > DateTimeOffset.UtcNow => date - DateTimeOffset.UtcNow,
                _ => null,
            };
            throw (status with { Code = (int)response.StatusCode }).ToException(verb, Resource, asked);
        }
    }

    private async Task<ResourcePage<T>> ReadPageAsync(Stream body, CancellationTokenSource idle)
    {
        ImmutableArray<T>.Builder items = ImmutableArray.CreateBuilder<T>();
        (string? version, string? next) = (null, null);
        using var pieces = new JsonPieces(body, ofList: true);
        while (await pieces.NextAsync(idle.Token))
        {
            idle.CancelAfter(timeouts.Answer);
            if (pieces.Kind == JsonPieceKind.Metadata) (version, next) = ReadListMeta(pieces.Current.Span);
            else if (TryRead(pieces.Current.Span, out T? item)) items.Add(item!);
        }

        if (!pieces.Complete || string.IsNullOrEmpty(version))
            throw new InvalidDataException("the answer is no list of Kubernetes objects");
        return new ResourcePage<T>(items.DrainToImmutable(), version, string.IsNullOrEmpty(next) ? null : next);
    }

    private static (string? ResourceVersion, string? Continue) ReadListMeta(ReadOnlySpan<byte> text)
    {
        (string? version, string? next) = (null, null);
        var fault = new ObjectFault();
        var json = new Utf8JsonReader(text);
        json.Read();
        while (JsonFields.NextProperty(ref json))
        {
            bool isVersion = json.ValueTextEquals("resourceVersion"u8);
            bool isContinue = json.ValueTextEquals("continue"u8);
            json.Read();
            if (isVersion) version = JsonFields.Text(ref json, ref fault, "resourceVersion");
            else if (isContinue) next = JsonFields.Text(ref json, ref fault, "continue");
            else json.Skip();
        }

        return (version, next);
    }

    /// <returns>Null when the server says that the history asked for is gone.</returns>
    private async Task<HttpResponseMessage?> StartAsync(
        string version, int seconds, CancellationTokenSource watchdog, CancellationToken cancellation)
    {
        try
        {
            return await AskAsync("watch",
                new ListOptions { Watch = true, AllowWatchBookmarks = true, TimeoutSeconds = seconds, ResourceVersion = version },
                watchdog.Token);
        }
        catch (ResourceApiException e) when (e.Reason == RestartReason.Expired)
        {
            return null;
        }
        catch (Exception e)
        {
            throw Explained(e, "watch", watchdog, cancellation);
        }
    }

    /// <returns>Null at the end of the stream.</returns>
    private async Task<WatchEvent<T>?> NextAsync(JsonPieces pieces, CancellationTokenSource watchdog, CancellationToken cancellation)
    {
        try
        {
            while (await pieces.NextAsync(watchdog.Token))
            {
                if (ReadEvent(pieces.Current.Span) is { } next) return next;
            }

            return null;
        }
        catch (Exception e)
        {
            throw Explained(e, "watch", watchdog, cancellation);
        }
    }

    /// <returns>Null for an object that cannot be used.</returns>
    private WatchEvent<T>? ReadEvent(ReadOnlySpan<byte> text)
    {
        WatchMessage message = WatchMessage.Read(text);
        if (message.Type == "ERROR")
        {
            ApiStatus status = ApiStatus.Read(message.Object, 0);
            if (!status.Gone) throw status.ToException("watch", Resource, null);
            _readThrough = true;
            return new WatchEvent<T>(WatchEventKind.Expired, "", default);
        }

        if (message.Type == "BOOKMARK") return new WatchEvent<T>(WatchEventKind.Bookmark, message.ResourceVersion, default);
        WatchEventKind kind = message.Type switch
        {
            "ADDED" => WatchEventKind.Added,
            "MODIFIED" => WatchEventKind.Modified,
            "DELETED" => WatchEventKind.Deleted,
            _ => throw new InvalidDataException("a watch event is of an unknown type"),
        };
        return TryRead(message.Object, out T? item) ? new WatchEvent<T>(kind, message.ResourceVersion, item) : null;
    }

    /// <summary>One object that is not as it must be does not keep the agent from all others.</summary>
    private bool TryRead(ReadOnlySpan<byte> text, out T? item)
    {
        try
        {
            var json = new Utf8JsonReader(text);
            json.Read();
            item = read(ref json);
            return true;
        }
        catch (MalformedObjectException e)
        {
            logger.LogWarning("An object of {Resource} cannot be used and is left out: {Problem}", Resource, e.Message);
            item = default;
            return false;
        }
    }

    /// <summary>Says what failed in words and by reason; cancellation and what has its reason stay what they are.</summary>
    private Exception Explained(Exception e, string verb, CancellationTokenSource limit, CancellationToken cancellation)
    {
        if (e is ResourceApiException || cancellation.IsCancellationRequested) return e;
        string why = e.GetBaseException().Message;
        if (limit.IsCancellationRequested)
        {
            return new ResourceApiException(
                RestartReason.Timeout, $"{verb} {Resource}: nothing was heard from the API server in time", null, e);
        }

        return e switch
        {
            JsonException or InvalidDataException or InvalidOperationException =>
                new ResourceApiException(RestartReason.Malformed, $"{verb} {Resource}: not what was asked for: {why}", null, e),
            ApiCredentialsException => new ResourceApiException(RestartReason.Unauthorized, $"{verb} {Resource}: {e.Message}", null, e),
            HttpRequestException or IOException or OperationCanceledException =>
                new ResourceApiException(RestartReason.Connection, $"{verb} {Resource}: no connection to the API server: {why}", null, e),
            _ => e,
        };
    }
}
