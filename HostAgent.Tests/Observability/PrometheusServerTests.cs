using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>A real Prometheus scrapes the endpoint; what it says afterwards is what was on the pages.</summary>
public sealed class PrometheusServerTests
{
    private const string Configuration = """
        global: {scrape_interval: 200ms, scrape_timeout: 200ms}
        scrape_configs:
        - job_name: host-agent
          static_configs: [{targets: ["127.0.0.1:9460"]}]
        """;

    [Test]
    public async Task Prometheus_reads_OpenMetrics_from_the_endpoint()
    {
        Require.Root();
        Require.Program("prometheus");
        ImmutableArray<PodTraffic> pods = [new("a", "p \"1\"", "u1", 10, 1000, 1), new("a", "q", "u2", 3, 300, 0)];
        var restarts = ImmutableSortedDictionary<string, long>.Empty.Add("expired", 2);
        using var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => Example.Ledger with { BytesDelivered = 9_007_199_254_740_992 },
            Status = () => Example.Status,
            Pods = () => pods,
            FrameAge = () => new HistogramSnapshot([0.000064, 0.001], [5, 3, 1], 0.25),
            PolicyReloadSuccessful = () => true,
            Watches = () => [new("pods", 7, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500), restarts)],
        });
        var content = new ServedContent(metrics, Example.Healthy(), () => Example.Status, () => Example.Ledger);
        using NetworkNamespace node = NetworkNamespace.Create($"ha{Environment.ProcessId}prom");
        await using HttpEndpoint endpoint = NamespaceThread.Run(node.Path, () => HttpEndpoint.StartAsync(
            [new IPEndPoint(IPAddress.Loopback, 9460)], content, NullLoggerFactory.Instance, CancellationToken.None)
            .GetAwaiter().GetResult());
        using var files = new TemporaryDirectory();
        await using ChildProcess server = ChildProcess.Start(node, "prometheus", "--web.listen-address=127.0.0.1:9090", "--log.level=warn",
            $"--config.file={files.Write("prometheus.yml", Configuration)}", $"--storage.tsdb.path={files.File("data")}");
        using HttpClient client = ClientIn(node);

        Dictionary<string, double> page = (await MetricsPage.Of(metrics)).Steady;
        Dictionary<string, double> scraped = await UntilAsync("it has scraped", series => series.GetValueOrDefault("up") == 1);
        Assert.That(scraped["scrape_samples_scraped"], Is.EqualTo((await MetricsPage.Of(metrics)).Series));
        Assert.That(scraped.Where(sample => sample.Key.StartsWith("hostagent_", StringComparison.Ordinal)), Is.EquivalentTo(page));

        // Only OpenMetrics names a counter without its suffix.
        JsonElement about = (await AskAsync("/api/v1/targets/metadata?metric=hostagent_pod_frames"))[0];
        Assert.That((about.GetProperty("type").GetString(), about.GetProperty("help").GetString()),
            Is.EqualTo(("counter", "Frames captured on the pod's links since it came into scope.")));

        // A series that is no longer on the page is stale at once, and not five minutes later.
        pods = [new("a", "q", "u2", 4, 400, 0)];
        await UntilAsync("the pod's series are gone", series => !series.Keys.Any(name => name.Contains("p \\\"1", StringComparison.Ordinal))
            && series.GetValueOrDefault("hostagent_pod_frames_total{namespace=\"a\",pod=\"q\"}") == 4);

        // Not Eventually: the condition is an answer over HTTP, which the caller wants.
        async Task<Dictionary<string, double>> UntilAsync(string what, Predicate<Dictionary<string, double>> holds)
        {
            for (int tries = 0; tries < 150; tries++, await Task.Delay(200))
            {
                if (server.HasExited) break;
                try
                {
                    JsonElement found = (await AskAsync("/api/v1/query?query=" + Uri.EscapeDataString("{job=\"host-agent\"}")))
                        .GetProperty("result");
                    var series = found.EnumerateArray().ToDictionary(sample => NameOf(sample.GetProperty("metric")),
                        sample => double.Parse(sample.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture));
                    if (holds(series)) return series;
                }
                catch (HttpRequestException)
                {
                    // It is still starting.
                }
            }

            throw new AssertionException($"not seen: {what}\n{server.Errors}\n{await client.GetStringAsync("/api/v1/targets")}");
        }

        async Task<JsonElement> AskAsync(string path)
        {
            using JsonDocument answer = JsonDocument.Parse(await client.GetStringAsync(path));
            return answer.RootElement.GetProperty("data").Clone();
        }
    }

    /// <summary>As it stands on the page, without the labels that the server adds.</summary>
    private static string NameOf(JsonElement metric)
    {
        string[] labels = [.. metric.EnumerateObject().Where(label => label.Name is not ("__name__" or "job" or "instance"))
            .Select(label => $"{label.Name}=\"{label.Value.GetString()!.Replace("\"", "\\\"", StringComparison.Ordinal)}\"")
            .Order(StringComparer.Ordinal)];
        string name = metric.GetProperty("__name__").GetString()!;
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
