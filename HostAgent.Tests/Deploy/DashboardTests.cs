using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Network;
using HostAgent.Tests.Observability;
using YamlDotNet.RepresentationModel;

namespace HostAgent.Tests.Deploy;

/// <summary>The dashboard in deploy/monitoring: what Prometheus answers to it beside an agent, and how Grafana gets it.</summary>
[Parallelizable]
internal sealed class DashboardTests
{
    private static readonly string Folder = Path.Combine(ManifestTests.Root, "deploy", "monitoring");

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    [Test]
    public async Task No_panel_stays_empty_beside_an_agent_that_mirrors()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork client = node.AddRouted("client"), server = node.AddRouted("server"), sensor = node.AddRouted("sensor", 9000);
        await using ApiServer api = NamespaceThread.Run(node.Namespace.Path, () => ApiServer.StartAsync().GetAwaiter().GetResult());
        api.Objects.PutNamespace("a");
        foreach (PodNetwork pod in new[] { client, server }) api.Objects.PutPod(pod.Name, ip: $"{pod.Ipv4}");
        using var folder = new TemporaryDirectory();
        var files = new AgentFiles(folder.Path, "node-1") { Kubeconfig = folder.Write("kubeconfig", api.Kubeconfig) };
        files.WritePolicy($"{{address: {sensor.Ipv4}, reads: sniff}}", vni: 1);
        // With TLS beside it there is a certificate that ends.
        await using var agent = new AgentProcess(node.Namespace, AgentProgram.Command, files,
            "--listen", $"{AgentProcess.Listen},{NodeNetwork.Address}:9461");
        await agent.ReadyAsync(2, Patience, default);

        await using var prometheus = new PrometheusServer(node.Namespace);
        using var enough = new CancellationTokenSource();
        Task<long> traffic = SmallUdp.RunAsync(client, server, server.Ipv4, 500, long.MaxValue, 64, enough.Token);
        foreach ((string title, string query) in Queries())
        {
            await prometheus.UntilAsync(query, $"{title}: {query}",
                series => series.Count > 0 && series.Values.All(double.IsFinite));
        }

        // What moves, moves: the panels show this traffic.
        await prometheus.UntilAsync(Query("Volume by namespace"), "traffic of the namespace",
            series => series.GetValueOrDefault("{namespace=\"a\"}") > 0);
        await enough.CancelAsync();
        Assert.That(await traffic, Is.Positive);
    }

    [Test]
    public void Each_panel_has_a_title_and_a_place_of_its_own()
    {
        JsonElement[] panels = [.. Panels()];
        Assert.That(panels.Select(panel => panel.GetProperty("id").GetInt32()), Is.Unique);
        Assert.That(panels.Select(panel => panel.GetProperty("title").GetString()), Is.Unique.And.All.Not.Empty);
        var taken = panels.Select(panel => panel.GetProperty("gridPos")).SelectMany(place =>
            from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
            from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
            select (x, y)).ToList();
        Assert.That(taken, Is.Unique, "two panels in one place");
        Assert.That(taken.Max(place => place.x), Is.LessThan(24));
    }

    [Test]
    public void Grafanas_sidecar_finds_it_by_its_label()
    {
        var stream = new YamlStream();
        using StreamReader reader = File.OpenText(Path.Combine(Folder, "kustomization.yaml"));
        stream.Load(reader);
        YamlNode kustomization = stream.Documents.Single().RootNode;
        Assert.That(kustomization["generatorOptions"]["labels"]["grafana_dashboard"].ToString(), Is.EqualTo("1"));
        Assert.That(kustomization["configMapGenerator"][0]["files"][0].ToString(), Is.EqualTo("host-agent.json=dashboard.json"));
        Assert.That(kustomization["resources"][0].ToString(), Is.EqualTo("prometheusrule.yaml"));
    }

    private static IEnumerable<JsonElement> Panels()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "dashboard.json")));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray().Select(panel => panel.Clone())];
    }

    /// <summary>Each query, with Grafana's variables as Grafana would fill them in for a server that scrapes five times a second.</summary>
    private static IEnumerable<(string Title, string Query)> Queries() =>
        from panel in Panels()
        where panel.GetProperty("type").GetString() != "row"
        from target in panel.GetProperty("targets").EnumerateArray()
        select (panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!
            .Replace("$__rate_interval", "4s", StringComparison.Ordinal).Replace("$instance", ".*", StringComparison.Ordinal));

    private static string Query(string title) => Queries().First(query => query.Title == title).Query;
}
