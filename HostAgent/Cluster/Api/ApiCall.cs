using System.Net;
using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>A request with one small object as its answer, within a time; every way to fail is one exception with its mend.</summary>
/// <param name="Verb">Such as create, as RBAC has it.</param>
/// <param name="Group">The API group; empty for the core.</param>
/// <param name="Resource">The plural resource name.</param>
internal sealed record ApiCall(string Verb, string Group, string Resource)
{
    private const int LargestAnswer = 64 << 10;

    /// <param name="ask">Sends the request.</param>
    /// <param name="read">Makes something of the answer's body.</param>
    /// <param name="limit">How long all of it may take.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ApiCallException">It was not done, or nobody knows.</exception>
    public async Task<T> AskAsync<T>(
        Func<CancellationToken, Task<HttpResponseMessage>> ask, Func<ReadOnlyMemory<byte>, T> read, TimeSpan limit,
        CancellationToken cancellation)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timer.CancelAfter(limit);
        try
        {
            using HttpResponseMessage response = await ask(timer.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(timer.Token);
            var text = new byte[LargestAnswer];
            int length = await body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, timer.Token);
            return response.IsSuccessStatusCode
                ? read(text.AsMemory(0, length))
                : throw Refused(ApiStatus.Read(text.AsSpan(0, length), 0), response.StatusCode);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new ApiCallException($"{Verb} {Resource}: nothing was heard from the API server in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            string why = e is ApiCredentialsException ? e.Message : $"no connection to the API server: {e.GetBaseException().Message}";
            throw new ApiCallException($"{Verb} {Resource}: {why}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ApiCallException($"{Verb} {Resource}: the answer is no such object: {e.Message}", e);
        }
    }

    private ApiCallException Refused(ApiStatus status, HttpStatusCode code)
    {
        string said = status.Message.Length == 0 ? "" : $": {status.Message}";
        string message = code switch
        {
            HttpStatusCode.Unauthorized => $"the API server does not accept the agent's credentials (401){said}",
            HttpStatusCode.Forbidden =>
                $"forbidden (403); the agent needs a ClusterRole with verb {Verb} on resource {Resource} of API group "
                + $"{(Group.Length == 0 ? "\"\"" : Group)}{said}",
            _ => $"the API server answers {(int)code}{said}",
        };
        return new ApiCallException($"{Verb} {Resource}: {message}", code: code);
    }
}
