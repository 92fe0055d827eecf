using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Observability;

/// <summary>A real Prometheus that scrapes the agent of a node, five times a second, in the node's namespace.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _files = new();
    private readonly ChildProcess _server;
    private readonly HttpClient _client;

    /// <param name="node">The namespace.</param>
    /// <param name="target">Where the agent listens.</param>
    /// <param name="how">Further keys of the scrape configuration, as a YAML mapping without its braces.</param>
    public PrometheusServer(NetworkNamespace node, string target = "127.0.0.1:9460", string how = "honor_labels: false")
    {
        Require.Program("prometheus");
        _server = ChildProcess.Start(node, "prometheus", "--web.listen-address=127.0.0.1:9090", "--log.level=warn",
            $"--config.file={_files.Write("prometheus.yml", Configuration(target, how))}", $"--storage.tsdb.path={_files.File("data")}");
        _client = ClientIn(node);
    }

    /// <summary>Asks until an answer holds.</summary>
    /// <param name="query">In PromQL.</param>
    /// <param name="what">What is waited for, for the message when it does not come.</param>
    /// <param name="holds">Asked of every answer: the series without the labels that the server adds, with their values.</param>
    /// <exception cref="AssertionException">It has not come within 30 s, or the server has ended.</exception>
    public async Task<Dictionary<string, double>> UntilAsync(string query, string what, Predicate<Dictionary<string, double>> holds)
    {
        string now = "";
        // Not Eventually: the condition is an answer over HTTP, which the caller wants.
        for (int tries = 0; tries < 150 && !_server.HasExited; tries++, await Task.Delay(200))
        {
            try
            {
                JsonElement found = (await AskAsync("/api/v1/query?query=" + Uri.EscapeDataString(query))).GetProperty("result");
                now = found.ToString();
                var series = found.EnumerateArray().ToDictionary(sample => NameOf(sample.GetProperty("metric")),
                    sample => double.Parse(sample.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture));
                if (holds(series)) return series;
            }
            catch (HttpRequestException e) when (e.StatusCode is null or HttpStatusCode.ServiceUnavailable)
            {
                // It is still starting.
            }
        }

        throw new AssertionException($"not seen: {what}\n{now}\n{_server.Errors}");
    }

    /// <summary>What the server's API answers to a request.</summary>
    public async Task<JsonElement> AskAsync(string path)
    {
        using JsonDocument answer = JsonDocument.Parse(await _client.GetStringAsync(path));
        return answer.RootElement.GetProperty("data").Clone();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        _files.Dispose();
    }

    private static string Configuration(string target, string how) => $$$"""
        global: {scrape_interval: 200ms, scrape_timeout: 200ms}
        scrape_configs:
        - {job_name: host-agent, static_configs: [{targets: ["{{{target}}}"]}], {{{how}}}}
        """;

    /// <summary>As it stands on the page, without the labels that the server adds.</summary>
    private static string NameOf(JsonElement metric)
    {
        string[] labels = [.. metric.EnumerateObject().Where(label => label.Name is not ("__name__" or "job" or "instance"))
            .Select(label => $"{label.Name}=\"{label.Value.GetString()!.Replace("\"", "\\\"", StringComparison.Ordinal)}\"")
            .Order(StringComparer.Ordinal)];
        string name = metric.TryGetProperty("__name__", out JsonElement named) ? named.GetString()! : "";
        return labels.Length == 0 ? name : $"{name}{{{string.Join(',', labels)}}}";
    }

    private static HttpClient ClientIn(NetworkNamespace node) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            Socket socket = node.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, 9090, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { BaseAddress = new Uri("http://127.0.0.1:9090") };
}
