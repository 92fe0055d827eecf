using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using HostAgent.Observability;

namespace HostAgent.Lab;

/// <summary>Reads an agent's /status and /metrics from outside its network namespace.</summary>
internal sealed partial class AgentClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="where">The agent's namespace.</param>
    /// <param name="listen">Where it listens in there.</param>
    public AgentClient(NetworkNamespace where, IPEndPoint listen)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = where.OpenSocket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await socket.ConnectAsync(listen, cancellation).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri($"http://{listen}"), Timeout = TimeSpan.FromSeconds(10) };
    }

    /// <exception cref="HttpRequestException">It does not answer, or not with 200.</exception>
    public async Task<AgentReading> ReadAsync(CancellationToken cancellation)
    {
        string metrics = await _http.GetStringAsync("/metrics", cancellation).ConfigureAwait(false);
        string status = await _http.GetStringAsync("/status", cancellation).ConfigureAwait(false);
        StatusDocument document = JsonSerializer.Deserialize(status, LabJson.Default.StatusDocument)
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
