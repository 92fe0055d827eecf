using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using BenchmarkDotNet.Attributes;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Sensors;
using Prometheus;

namespace HostAgent.Bench.Micro;

/// <summary>What a scrape of /metrics costs on a full node, without HTTP.</summary>
public class ScrapeBenchmark
{
    private const int Pods = 250;

    private readonly ArrayBufferWriter<byte> _page = new(256 * 1024);
    private readonly ShardLedger _shard = new();
    private PodTraffic[] _pods = [];
    private AgentMetrics _metrics = null!;

    [GlobalSetup]
    public void Setup()
    {
        _pods = [.. Enumerable.Range(0, Pods).Select(i => new PodTraffic("payments", $"api-7d4b9c6f58-{i:x5}", $"uid-{i}", 0, 0, 0))];
        var status = new AgentStatus("node", "0123456789ab", new SensorStatus(SensorState.Missing, default, [], null),
            [.. _pods.Select(pod => new PodCoverage(
                new Pod { Uid = pod.Uid, Namespace = pod.Namespace, Name = pod.Pod, Ips = [IPAddress.Loopback] },
                null, PodState.Captured, null, []))], []);
        var watches = ImmutableSortedDictionary<string, long>.Empty.Add("expired", 1).Add("timeout", 2);
        _metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => _shard.AddTo(LedgerSnapshot.Empty),
            Status = () => status,
            Pods = () => _pods,
            FrameAge = () => ShardLedger.Ages([_shard]),
            PolicyReloadSuccessful = () => true,
            Watches = () => [new("pods", Pods, DateTimeOffset.UtcNow, watches), new("namespaces", 10, DateTimeOffset.UtcNow, watches)],
        });
    }

    [GlobalCleanup]
    public void Cleanup() => _metrics.Dispose();

    /// <returns>The page's length.</returns>
    [Benchmark]
    [Arguments(ExpositionFormat.PrometheusText)]
    [Arguments(ExpositionFormat.OpenMetricsText)]
    public int Scrape(ExpositionFormat format)
    {
        for (int i = 0; i < 1000; i++) _shard.Delivered(1500, 100_000 + i);
        for (int i = 0; i < _pods.Length; i++)
            _pods[i] = _pods[i] with { Frames = _pods[i].Frames + 1001, Bytes = _pods[i].Bytes + 1_500_007 };
        _page.ResetWrittenCount();
        _metrics.WriteAsync(_page, format).GetAwaiter().GetResult();
        return _page.WrittenCount;
    }
}
