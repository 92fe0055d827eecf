using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using static HostAgent.Tests.Deploy.Chart.KubernetesObject;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>What the chart can do and an overlay cannot: settings together, and another namespace.</summary>
internal sealed partial class ChartSettingsTests
{
    [Test]
    public void Overlays_add_up()
    {
        JsonObject[] objects = Everything("host-agent");
        Assert.That(objects.Select(Identity), Is.Unique);
        JsonNode pod = Pod(objects), container = pod["containers"]![0]!;
        Assert.That(Names(pod["volumes"]), Is.EqualTo(new[] { "policy", "netns", "pod-map", "tls" }));
        Assert.That(Names(container["volumeMounts"]), Is.EqualTo(Names(pod["volumes"])));

        // What admits the pod admits what two overlays add to it.
        JsonObject constraint = Only(objects, "SecurityContextConstraints", "host-agent");
        JsonNode security = Only(objects, "PodSecurityPolicy", "host-agent")["spec"]!;
        string[] capabilities = Texts(container["securityContext"]!["capabilities"]!["add"]);
        Assert.That(capabilities, Is.EqualTo(new[] { "NET_RAW", "SYS_ADMIN" }));
        Assert.That(Texts(constraint["allowedCapabilities"]), Is.EqualTo(capabilities));
        Assert.That(Texts(security["allowedCapabilities"]), Is.EqualTo(capabilities));
        string[] volumes = [.. pod["volumes"]!.AsArray().SelectMany(volume => volume!.AsObject()).Select(pair => pair.Key)
            .Where(key => key != "name").Distinct()];
        Assert.That(volumes, Is.SubsetOf(Texts(constraint["volumes"])).And.SubsetOf(Texts(security["volumes"])));
        Assert.That((bool)constraint["allowHostDirVolumePlugin"]!);
        Assert.That(security["allowedHostPaths"]!.AsArray().Select(path => (string)path!["pathPrefix"]!),
            Is.EqualTo(pod["volumes"]!.AsArray().Select(volume => (string?)volume!["hostPath"]?["path"]).OfType<string>()));

        // Pods that surge name no port.
        Assert.That(container["ports"], Is.Null);
        JsonNode endpoint = Only(objects, "PodMonitor", "host-agent")["spec"]!["podMetricsEndpoints"]![0]!;
        Assert.That(((long)endpoint["portNumber"]!, endpoint["port"]), Is.EqualTo((9460L, (JsonNode?)null)));
    }

    [Test]
    public void In_another_namespace_it_is_the_same_but_for_the_namespace()
    {
        static string[] Sorted(IEnumerable<JsonObject> objects) => [.. objects.Select(one => Canonical(one).ToJsonString()).Order()];
        string[] here = Sorted(Everything("host-agent")), there = Sorted(Everything("elsewhere"));
        Assert.That(there, Is.EquivalentTo(here.Select(one => one
            .Replace("\"namespace\":\"host-agent\"", "\"namespace\":\"elsewhere\"", StringComparison.Ordinal)
            .Replace("system:serviceaccount:host-agent:", "system:serviceaccount:elsewhere:", StringComparison.Ordinal)
            .Replace("host-agent.host-agent.svc", "host-agent.elsewhere.svc", StringComparison.Ordinal))));
        Assert.That(HelmChart.Notes(HelmChart.Values(), "elsewhere"), Does.Contain("kubectl -n elsewhere exec").And.Not.Contain("{{"));
    }

    [Test]
    public void A_digest_takes_the_place_of_the_tag()
    {
        string digest = "sha256:" + new string('a', 64);
        JsonObject[] objects = HelmChart.Render(HelmChart.Values(
            HelmChart.Overlay("relay"), $"image: {{repository: registry.example/host-agent, digest: '{digest}'}}"));
        JsonNode relay = Only(objects, "Deployment", "relay")["spec"]!["template"]!["spec"]!;
        Assert.That(new[] { Pod(objects), relay }.Select(pod => (string)pod["containers"]![0]!["image"]!),
            Is.All.EqualTo($"registry.example/host-agent@{digest}"));
    }

    [Test]
    public void What_has_no_value_of_its_own_can_be_added()
    {
        JsonObject[] objects = HelmChart.Render(HelmChart.Values("""
            imagePullSecrets: [{name: registry}]
            affinity: {nodeAffinity: {}}
            nodeSelector: {capture: "on"}
            extraEnv: [{name: HOSTAGENT_TLS_CERTIFICATE, value: /tls/tls.crt}]
            extraVolumes: [{name: own, secret: {secretName: own}}]
            extraVolumeMounts: [{name: own, mountPath: /tls}]
            monitoring: {prometheusRule: true, labels: {release: prometheus}}
            """));
        JsonNode pod = Pod(objects), container = pod["containers"]![0]!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Names(pod["imagePullSecrets"]), Is.EqualTo(new[] { "registry" }));
            Assert.That(pod["affinity"]!.ToJsonString(), Is.EqualTo("""{"nodeAffinity":{}}"""));
            Assert.That(pod["nodeSelector"]!.ToJsonString(), Is.EqualTo("""{"capture":"on","kubernetes.io/os":"linux"}"""));
            Assert.That(Names(container["env"]), Has.One.EqualTo("HOSTAGENT_TLS_CERTIFICATE"));
            Assert.That(Names(pod["volumes"]), Is.EqualTo(new[] { "policy", "own" }));
            Assert.That(Names(container["volumeMounts"]), Is.EqualTo(new[] { "policy", "own" }));
            Assert.That(Only(objects, "PrometheusRule", "host-agent")["metadata"]!["labels"]!.ToJsonString(),
                Is.EqualTo("""{"release":"prometheus"}"""));
        }
    }

    [Test]
    public void The_kubelet_knows_a_variable_before_another_refers_to_it()
    {
        JsonArray variables = Pod(Everything("host-agent"))["containers"]![0]!["env"]!.AsArray();
        var known = new List<string>();
        foreach (JsonNode? variable in variables)
        {
            IEnumerable<string> referred = References().Matches((string?)variable!["value"] ?? "").Select(name => name.Groups[1].Value);
            Assert.That(referred, Is.SubsetOf(known));
            known.Add((string)variable["name"]!);
        }

        Assert.That(known, Is.SupersetOf(new[] { "HOSTAGENT_LISTEN", "HOSTAGENT_EVENTS" }));
    }

    [Test]
    public void The_chart_has_the_programs_version()
    {
        string version = VersionOf().Match(File.ReadAllText(Path.Combine(ManifestTests.Root, "Directory.Build.props"))).Groups[1].Value;
        Assert.That(new[] { Text(HelmChart.Metadata, "version"), Text(HelmChart.Metadata, "appVersion") }, Is.All.EqualTo(version));
        Assert.That(Text(HelmChart.Values(), "image", "tag"), Is.EqualTo(version));
    }

    /// <summary>All overlays that go together, so that every template gives something.</summary>
    private static JsonObject[] Everything(string space) => HelmChart.Render(
        HelmChart.Values([.. HelmChart.Overlays.Except(["minimal"]).Select(HelmChart.Overlay), ChartTests.CertManager]), space);

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex References();

    [GeneratedRegex("<Version>(.*)</Version>")]
    private static partial Regex VersionOf();
}
