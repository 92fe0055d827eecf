using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>The schema lets in what the chart offers, and says where a value is wrong before anything is applied.</summary>
internal sealed partial class ChartValuesTests
{
    [Test]
    public void The_charts_own_values_are_let_in() => Assert.That(HelmChart.Refusals(HelmChart.Values()), Is.Empty);

    [TestCase("polcy: {}", "/polcy", TestName = "A name that is none")]
    [TestCase("image: {name: host-agent}", "/image/name", TestName = "A name that is none, further down")]
    [TestCase("image: {digest: 'sha256:abc'}", "/image/digest", TestName = "A digest cut short")]
    [TestCase("image: {tag: 1.10}", "/image/tag", TestName = "A tag that YAML takes for a number")]
    [TestCase("image: {repository: 'host-agent@sha256'}", "/image/repository", TestName = "A digest in the repository")]
    [TestCase("tolerations: {operator: Exists}", "/tolerations", TestName = "A map for a list")]
    [TestCase("nodeSelector: {capture: on}", "/nodeSelector/capture", TestName = "A label that YAML takes for a boolean")]
    [TestCase("upgrade: {maxUnavailable: few}", "/upgrade/maxUnavailable", TestName = "A share that is none")]
    [TestCase("resources: {limit: {cpu: 1}}", "/resources/limit", TestName = "Resources that are none")]
    [TestCase("policy: {rules: all}", "/policy/rules", TestName = "Rules that are no list")]
    [TestCase("policy: {sensor: {port: 70000}}", "/policy/sensor/port", TestName = "A port beyond all")]
    [TestCase("policy: {podMap: {directory: /run/host-agent/pods}}", "/podMap/enabled", TestName = "A pod map without its directory")]
    [TestCase("podMap: {cluster: true}", "/podMap/enabled", TestName = "The cluster's pod map without its directory")]
    [TestCase("podMap: {enabled: true, directory: pods}", "/podMap/directory", TestName = "A directory that is relative")]
    [TestCase("relay: {enabled: true}", "/policy/sensor", TestName = "A relay without its policy")]
    [TestCase("relay: {certManager: {enabled: true}}", "/relay/certManager/enabled", TestName = "Certificates of no relay")]
    [TestCase("monitoring: {podMonitor: true, serviceMonitor: true}", "/monitoring/serviceMonitor", TestName = "Two monitors")]
    [TestCase("{metrics: {onNode: false}, monitoring: {podMonitor: true}}", "/monitoring/podMonitor", TestName = "A monitor of no port")]
    [TestCase("priorityClass: {name: ''}", "/priorityClass/name", TestName = "A priority class without a name")]
    public void It_is_refused_at_its_place(string given, string place)
    {
        JsonObject values = HelmChart.Values(given);
        Assert.That(HelmChart.Refusals(values), Has.Some.StartsWith($"{place}: "));
        Assert.That(() => HelmChart.Render(values), Throws.InstanceOf<InvalidDataException>().With.Message.Contains(place));
    }

    [Test]
    public void Null_takes_a_key_away_and_a_later_file_counts_more()
    {
        JsonObject values = HelmChart.Values("policy: {sensor: {selector: null, port: 1}}", "policy: {sensor: {port: 2}}");
        Assert.That(values["policy"]!["sensor"]!.ToJsonString(), Is.EqualTo("""{"namespaces":["security"],"port":2,"reads":"sniff"}"""));
    }

    [Test]
    public void Each_value_is_used_by_a_template()
    {
        string[] used = [.. HelmChart.Templates.SelectMany(file => Used().Matches(File.ReadAllText(file)))
            .Select(path => path.Groups[1].Value).Distinct()];
        bool IsUsed(string leaf) => used.Any(path => $"{leaf}.".StartsWith($"{path}.", StringComparison.Ordinal));
        Assert.That(Leaves(HelmChart.Values(), "").Where(leaf => !IsUsed(leaf)), Is.Empty);
    }

    private static IEnumerable<string> Leaves(JsonNode? node, string path) => node is JsonObject { Count: > 0 } map
        ? map.SelectMany(pair => Leaves(pair.Value, $"{path}.{pair.Key}"))
        : [path];

    [GeneratedRegex(@" \.Values((?:\.\w+)+)")]
    private static partial Regex Used();
}
