using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace HostAgent.Observability;

/// <summary>Reads a running agent's /status and /metrics.</summary>
internal sealed partial class AgentClient : IDisposable
{
    /// <summary>How long an answer may take; then TaskCanceledException.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;

    /// <param name="agent">Where it listens, on loopback.</param>
    /// <param name="connect">Makes a connection from elsewhere than this program's own network namespace.</param>
    public AgentClient(IPEndPoint agent, Func<CancellationToken, ValueTask<Stream>>? connect = null)
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (connect is not null) handler.ConnectCallback = (_, cancellation) => connect(cancellation);
        _http = new HttpClient(handler) { BaseAddress = new Uri($"http://{agent}"), Timeout = Patience };
    }

    /// <summary>/status as it is: one JSON object on one line.</summary>
    /// <exception cref="HttpRequestException">It does not answer, or not with 200.</exception>
    public Task<string> StatusAsync(CancellationToken cancellation) => _http.GetStringAsync("/status", cancellation);

    /// <summary>/tap: its lines come for as long as the answer is not disposed of, and the tap is granted for so long.</summary>
    /// <param name="pod">NAMESPACE/NAME.</param>
    /// <param name="filter">Which frames; null for all.</param>
    /// <param name="limits">For how long or how many frames, in words; null without a limit.</param>
    /// <param name="cancellation">Ends the waiting for the answer.</param>
    /// <exception cref="HttpRequestException">It does not answer.</exception>
    public async Task<HttpResponseMessage> TapAsync(string pod, string? filter, string? limits, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"/tap?pod={Uri.EscapeDataString(pod)}{(limits is null ? "" : $"&limits={Uri.EscapeDataString(limits)}")}");
        if (filter is not null) request.Headers.TryAddWithoutValidation(TapDocument.FilterHeader, filter);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
    }

    /// <summary>What a failure to ask the agent means to whoever runs a command; null when it means something else.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="address">Where the agent was asked.</param>
    /// <param name="cancellation">What ends the command.</param>
    public static IOException? Explain(Exception e, IPEndPoint address, CancellationToken cancellation) => e switch
    {
        HttpRequestException { StatusCode: { } code } => new IOException(
            $"what answers at {address} is no agent of this version (HTTP {(int)code}): "
            + "name the agent's own address with --listen or HOSTAGENT_LISTEN", e),
        HttpRequestException => new IOException(
            $"no agent answers at {address} ({e.InnerException?.Message ?? e.Message}): "
            + "see that it runs on this node, and that --listen or HOSTAGENT_LISTEN is the same as its own", e),
        JsonException => new IOException(
            $"what answers at {address} is no agent: name the agent's own address with --listen or HOSTAGENT_LISTEN", e),
        OperationCanceledException when !cancellation.IsCancellationRequested => new IOException(
            $"the agent at {address} has not answered within {Patience.TotalSeconds:N0} s: see its log and the node's load", e),
        _ => null,
    };

    /// <exception cref="HttpRequestException">It does not answer, or not with 200.</exception>
    /// <exception cref="JsonException">What answers is no agent.</exception>
    public async Task<AgentReading> ReadAsync(CancellationToken cancellation)
    {
        string metrics = await _http.GetStringAsync("/metrics", cancellation).ConfigureAwait(false);
        string status = await StatusAsync(cancellation).ConfigureAwait(false);
        StatusDocument document = JsonSerializer.Deserialize(status, ReadingJson.Default.StatusDocument)
            ?? throw new JsonException("/status is empty");
        return new AgentReading(document, ReadPods(metrics));
    }

    /// <summary>The value of a metric without labels; null when there is none of that name.</summary>
    /// <exception cref="HttpRequestException">It does not answer, or not with 200.</exception>
    public async Task<double?> MetricAsync(string name, CancellationToken cancellation)
    {
        string metrics = await _http.GetStringAsync("/metrics", cancellation).ConfigureAwait(false);
        string? line = metrics.Split('\n').SingleOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return line is null ? null : double.Parse(line.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
    }

    public void Dispose() => _http.Dispose();

    private static Dictionary<(string Namespace, string Pod), PodCounts> ReadPods(string metrics)
    {
        var pods = new Dictionary<(string Namespace, string Pod), PodCounts>();
        foreach (Match sample in PodSample().Matches(metrics))
        {
            (string, string) pod = (sample.Groups["namespace"].Value, sample.Groups["pod"].Value);
            PodCounts counts = pods.GetValueOrDefault(pod);
            long value = long.Parse(sample.Groups["value"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
            pods[pod] = sample.Groups["metric"].Value switch
            {
                "frames" => counts with { Frames = value },
                "bytes" => counts with { Bytes = value },
                _ => counts with { Lost = value },
            };
        }

        return pods;
    }

    [GeneratedRegex(
        """^hostagent_pod_(?<metric>frames|bytes|frames_lost)_total\{namespace="(?<namespace>[^"]*)",pod="(?<pod>[^"]*)"\} (?<value>\d+)""",
        RegexOptions.Multiline)]
    private static partial Regex PodSample();
}
