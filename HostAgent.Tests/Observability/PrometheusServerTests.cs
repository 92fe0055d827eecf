using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>A real Prometheus scrapes the endpoint; what it says afterwards is what was on the pages.</summary>
[Parallelizable]
public sealed class PrometheusServerTests
{
    private const string Everything = "{job=\"host-agent\"}";

    [Test]
    public async Task Prometheus_reads_OpenMetrics_from_the_endpoint()
    {
        Require.Root();
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
            [new IPEndPoint(IPAddress.Loopback, 9460)], content, guard: null, NullLoggerFactory.Instance, CancellationToken.None)
            .GetAwaiter().GetResult());
        await using var server = new PrometheusServer(node);

        Dictionary<string, double> page = (await MetricsPage.Of(metrics)).Steady;
        Dictionary<string, double> scraped = await server.UntilAsync(
            Everything, "it has scraped", series => series.GetValueOrDefault("up") == 1);
        Assert.That(scraped["scrape_samples_scraped"], Is.EqualTo((await MetricsPage.Of(metrics)).Series));
        Assert.That(scraped.Where(sample => sample.Key.StartsWith("hostagent_", StringComparison.Ordinal)), Is.EquivalentTo(page));

        // Only OpenMetrics names a counter without its suffix.
        JsonElement about = (await server.AskAsync("/api/v1/targets/metadata?metric=hostagent_pod_frames"))[0];
        Assert.That((about.GetProperty("type").GetString(), about.GetProperty("help").GetString()),
            Is.EqualTo(("counter", "Frames captured on the pod's links since it came into scope.")));

        // A series that is no longer on the page is stale at once, and not five minutes later.
        pods = [new("a", "q", "u2", 4, 400, 0)];
        await server.UntilAsync(Everything, "the pod's series are gone",
            series => !series.Keys.Any(name => name.Contains("p \\\"1", StringComparison.Ordinal))
            && series.GetValueOrDefault("hostagent_pod_frames_total{namespace=\"a\",pod=\"q\"}") == 4);
    }
}
