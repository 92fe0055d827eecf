using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using static HostAgent.Tests.Deploy.Chart.KubernetesObject;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>The Helm chart makes the objects that kustomize makes, object by object.</summary>
internal sealed class ChartTests
{
    internal const string CertManager = "relay: {certManager: {enabled: true}}";

    private const string ServiceMonitor = "monitoring: {podMonitor: false, serviceMonitor: true}";

    /// <summary>Folders of deploy/ of which each has a kustomization of the whole agent.</summary>
    private static IEnumerable<string> Overlays => HelmChart.Overlays.Except(["monitoring", "psp"]);

    [Test]
    public void The_chart_has_an_overlay_for_each_of_deploy()
    {
        string[] folders = [.. Directory.GetDirectories(Path.Combine(ManifestTests.Root, "deploy"))
            .Where(folder => File.Exists(Path.Combine(folder, "kustomization.yaml"))).Select(folder => Path.GetFileName(folder))];
        Assert.That(HelmChart.Overlays, Is.EquivalentTo(folders.Except(["base"]).Append("psp")));
    }

    [Test]
    public void Without_values_it_is_the_base() => Same(HelmChart.Values(), Kustomized("base"));

    [TestCaseSource(nameof(Overlays))]
    public void With_the_values_of_an_overlay_it_is_the_overlay(string name) =>
        Same(HelmChart.Values(HelmChart.Overlay(name)), Kustomized(name));

    [Test]
    public void Scraping_rules_and_dashboard_are_those_beside_the_overlays() =>
        Same(HelmChart.Values(HelmChart.Overlay("monitoring")), [.. Kustomized("base"), .. Kustomized("monitoring")]);

    [Test]
    public void A_ServiceMonitor_takes_the_place_of_the_PodMonitor() => Same(
        HelmChart.Values(HelmChart.Overlay("monitoring"), ServiceMonitor),
        [
            .. Kustomized("base"), .. Kustomized("monitoring").Where(one => Text(one, "kind") != "PodMonitor"),
            .. InFile("deploy/monitoring/servicemonitor.yaml"),
        ]);

    [Test]
    public void The_PodSecurityPolicy_is_that_of_psp() =>
        Same(HelmChart.Values(HelmChart.Overlay("psp")), [.. Kustomized("base"), .. InFile("psp/psp.yaml")]);

    [Test]
    public void Cert_manager_is_asked_for_the_relays_certificates() => Same(
        HelmChart.Values(HelmChart.Overlay("relay"), CertManager),
        [.. Kustomized("relay"), .. InFile("deploy/relay/certificates.yaml")]);

    [TestCaseSource(typeof(HelmChart), nameof(HelmChart.Overlays))]
    public void The_agent_takes_the_policy(string overlay)
    {
        JsonObject map = Only(HelmChart.Render(HelmChart.Values(HelmChart.Overlay(overlay))), "ConfigMap", "host-agent-policy");
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(Text(map, "data", "policy.yaml"))).Errors, Is.Empty);
    }

    private static void Same(JsonObject values, IEnumerable<JsonObject> wanted)
    {
        // psp.yaml has the agent's namespace, as the base does.
        var expected = wanted.DistinctBy(Identity).SelectMany(AsHelmHasIt).ToDictionary(Identity, Comparable);
        var rendered = HelmChart.Render(values).ToDictionary(Identity, Comparable);
        Assert.That(rendered.Keys, Is.EquivalentTo(expected.Keys));
        using (Assert.EnterMultipleScope())
        {
            foreach ((string identity, string text) in rendered) Assert.That(text, Is.EqualTo(expected[identity]), identity);
        }
    }

    /// <summary>
    /// All that the chart has otherwise. Helm adds its own label (app.kubernetes.io/managed-by) and annotations by itself.
    /// </summary>
    private static IEnumerable<JsonObject> AsHelmHasIt(JsonObject one)
    {
        switch (Identity(one))
        {
            // Helm wants it before anything else: it keeps its account of the release there.
            case "Namespace host-agent":
                yield break;
            // What an uninstall must not delete.
            case "Namespace security":
                one["metadata"]!["annotations"] = new JsonObject { ["helm.sh/resource-policy"] = "keep" };
                break;
        }

        yield return one;
    }

    /// <summary>Text in which nothing counts that does not count for the API server either.</summary>
    private static string Comparable(JsonObject one)
    {
        var copy = (JsonObject)one.DeepClone();
        // Comments of a policy do not pass through values.
        if (copy["data"]?["policy.yaml"] is { } policy)
            copy["data"]!["policy.yaml"] = KubernetesYaml.Documents((string)policy!).Single();
        if (Identity(copy) == "DaemonSet host-agent/host-agent")
        {
            JsonNode template = copy["spec"]!["template"]!, container = template["spec"]!["containers"]![0]!;
            // kustomize leaves what a patch has emptied, and puts first what a patch has in a list whose items go by name.
            if (template["metadata"]!["annotations"] is JsonObject { Count: 0 }) template["metadata"]!.AsObject().Remove("annotations");
            if (container["ports"] is JsonArray { Count: 0 }) container.AsObject().Remove("ports");
            Sort(container, "env");
            Sort(container, "volumeMounts");
            Sort(template["spec"]!, "volumes");
        }

        return Canonical(copy).ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    private static void Sort(JsonNode node, string list) => node[list] = new JsonArray(
        [.. node[list]!.AsArray().OrderBy(item => (string)item!["name"]!, StringComparer.Ordinal).Select(item => item!.DeepClone())]);

    private static JsonObject[] Kustomized(string folder)
    {
        Require.Program("kubectl", "kubernetes-client");
        return KubernetesYaml.Documents(HostTool.Run("kubectl", "kustomize", Path.Combine(ManifestTests.Root, "deploy", folder)));
    }

    private static JsonObject[] InFile(string file) =>
        KubernetesYaml.Documents(File.ReadAllText(Path.Combine(ManifestTests.Root, file)));
}
