using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Deploy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Observability;

/// <summary>docs/metrics.md has a row for each metric, with the words of the page itself.</summary>
internal sealed partial class MetricsDocumentTests
{
    private static readonly string[] Document = File.ReadAllLines(Path.Combine(ManifestTests.Root, "docs", "metrics.md"));

    [Test]
    public async Task Each_metric_has_its_row() => AssertCurrent((await Example.PageAsync()).Text);

    [Test]
    public async Task Every_kind_of_difference_is_named_with_its_line()
    {
        const string Seen = "hostagent_frames_seen_total", Pods = "hostagent_pods";
        string page = (await Example.PageAsync()).Text;
        (int seen, int pods) = (LineOf(Seen), LineOf(Pods));
        string[] Changed(int line, string was, string now) =>
            [.. Document.Select((text, i) => i == line ? text.Replace(was, now, StringComparison.Ordinal) : text)];
        Assert.That(Differences(Changed(seen, "counter", "gauge"), page).Single(),
            Is.EqualTo($"docs/metrics.md:{seen + 1}: must be {Document[seen]}"));
        Assert.That(Differences(Changed(seen, "Frames", "Some frames"), page).Single(),
            Does.StartWith($"docs/metrics.md:{seen + 1}: must be "));
        Assert.That(Differences(Changed(pods, "{state}", "{phase}"), page).Single(),
            Does.StartWith($"docs/metrics.md:{pods + 1}: must be "));
        Assert.That(Differences(Changed(pods, Pods, "hostagent_cows"), page), Is.EquivalentTo(new[]
        {
            $"docs/metrics.md:{pods + 1}: there is no metric hostagent_cows",
            $"docs/metrics.md: has not {Document[pods]}",
        }));
        Assert.That(Differences([.. Document, Document[seen]], page).Single(),
            Is.EqualTo($"docs/metrics.md:{Document.Length + 1}: says {Seen} once more"));
    }

    [Test]
    public async Task What_a_running_agent_serves_is_documented_and_promtool_has_nothing_to_say()
    {
        Require.Program("curl");
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("pod"), sensor = node.AddRouted("sensor");
        await using ApiServer api = NamespaceThread.Run(node.Namespace.Path, () => ApiServer.StartAsync().GetAwaiter().GetResult());
        api.Objects.PutNamespace("a");
        api.Objects.PutPod(pod.Name, ip: $"{pod.Ipv4}");
        using var folder = new TemporaryDirectory();
        var files = new AgentFiles(folder.Path, "node-1") { Kubeconfig = folder.Write("kubeconfig", api.Kubeconfig) };
        files.WritePolicy($"{{address: {sensor.Ipv4}, reads: sniff}}", 1, "filter: tcp");
        // With TLS beside it there is all that an agent can have.
        await using var agent = new AgentProcess(node.Namespace, AgentProgram.Command, files,
            "--listen", $"{AgentProcess.Listen},{NodeNetwork.Address}:9461");
        await agent.ReadyAsync(1, TimeSpan.FromSeconds(40), default);
        string page = HostTool.RunToEnd(
            node.Namespace.StartInfo(["curl", "--silent", "--fail", $"http://{AgentProcess.Listen}/metrics"])).Output;
        AssertCurrent(page);
        Assert.That(Promtool.CheckMetrics(page), Is.EqualTo((0, "")));
    }

    private static void AssertCurrent(string page)
    {
        string[] differences = [.. Differences(Document, page)];
        // As a message, since NUnit shortens what it shows of a collection.
        Assert.That(differences, Is.Empty, string.Join('\n', differences));
    }

    private static IEnumerable<string> Differences(string[] document, string page)
    {
        var missing = MetricFamily.Of(page).ToDictionary(family => family.Name);
        var known = missing.Keys.ToHashSet();
        for (int i = 0; i < document.Length; i++)
        {
            if (Row().Match(document[i]) is not { Success: true } row) continue;
            string name = row.Groups[1].Value, place = $"docs/metrics.md:{i + 1}";
            if (!known.Contains(name)) yield return $"{place}: there is no metric {name}";
            else if (!missing.Remove(name, out MetricFamily? family)) yield return $"{place}: says {name} once more";
            else if (family.Row != document[i]) yield return $"{place}: must be {family.Row}";
        }

        foreach (MetricFamily family in missing.Values) yield return $"docs/metrics.md: has not {family.Row}";
    }

    private static int LineOf(string name) =>
        Array.FindIndex(Document, line => Row().Match(line) is { Success: true } row && row.Groups[1].Value == name);

    /// <summary>Of a table of metrics, whose first column holds one name of Prometheus' and nothing else.</summary>
    [GeneratedRegex(@"^\| `((?:hostagent|process)_\w+)(?:\{[\w,]*\})?` \|")]
    private static partial Regex Row();
}
