using System.Net;
using System.Text.Json;
using HostAgent.Commands;
using HostAgent.Observability;

namespace HostAgent.Tap;

/// <summary>
/// The agent's leave to tap a pod: it lasts for as long as the connection does, and the agent says when something changes.
/// </summary>
internal sealed class TapLease : IDisposable
{
    private const string Lines = "application/x-ndjson";

    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private TapLease(HttpResponseMessage response, StreamReader lines) => (_response, _lines) = (response, lines);

    /// <exception cref="HttpRequestException">It does not answer, or not as an agent of this version.</exception>
    public static async Task<TapLease> AskAsync(AgentClient agent, TapOptions options, CancellationToken cancellation)
    {
        HttpResponseMessage response = await agent.TapAsync(
            options.Pod, options.Filter?.Expression, Limits(options), cancellation).ConfigureAwait(false);
        try
        {
            if (response.Content.Headers.ContentType?.MediaType != Lines) throw new HttpRequestException(null, null, response.StatusCode);
            return new TapLease(response, new StreamReader(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false)));
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>The next thing that it says; null when it has gone.</summary>
    /// <exception cref="JsonException">What answers is no agent.</exception>
    public async Task<TapDocument?> NextAsync(CancellationToken cancellation)
    {
        try
        {
            return await _lines.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line
                ? JsonSerializer.Deserialize(line, ReadingJson.Default.TapDocument)
                : null;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // It was killed.
            return null;
        }
    }

    public void Dispose()
    {
        _lines.Dispose();
        _response.Dispose();
    }

    private static string? Limits(TapOptions options)
    {
        string[] limits =
        [
            .. options.Count is { } count ? [$"{count} frames"] : Array.Empty<string>(),
            .. options.Duration is { } duration ? [$"{duration.TotalSeconds} s"] : Array.Empty<string>(),
        ];
        return limits.Length == 0 ? null : string.Join(", ", limits);
    }
}
