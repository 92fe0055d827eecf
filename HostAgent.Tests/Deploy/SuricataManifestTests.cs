using System.Text;
using HostAgent.PodMap;
using HostAgent.Policy;
using YamlDotNet.RepresentationModel;
using static HostAgent.Tests.Deploy.ManifestTests;
using YamlNode = YamlDotNet.RepresentationModel.YamlNode;

namespace HostAgent.Tests.Deploy;

/// <summary>The overlay with Suricata: the agent's map goes to the sensor's updater, and the rules are where Suricata looks.</summary>
internal sealed class SuricataManifestTests
{
    private static readonly YamlNode Pod = Node(Only("sensor.yaml", "DaemonSet"), "spec", "template", "spec");

    private static YamlNode Suricata => Node(Pod, "containers")[0];

    private static YamlNode Updater => Node(Pod, "containers")[1];

    [Test]
    public void The_policy_is_the_base_s_with_a_pod_map()
    {
        var policy = (YamlMappingNode)PolicyOf("deploy/suricata/policy.yaml");
        Assert.That(policy.Children.Remove("podMap", out YamlNode? map));
        Assert.That(Text(map!, "directory"), Is.EqualTo(PodMapDirectory.Usual));
        Assert.That(policy, Is.EqualTo(PolicyOf("daemonset.yaml")));
    }

    [Test]
    public void The_updater_reads_the_map_where_the_agent_writes_it_and_has_the_socket_of_Suricata()
    {
        YamlNode agent = Node(Objects("deploy/pod-map/daemonset.yaml").Single(), "spec", "template", "spec");
        Assert.That(new[] { agent, Pod }.Select(pod => Text(Volume(pod, "pod-map"), "hostPath", "path")),
            Is.All.EqualTo(PodMapDirectory.Usual));
        Assert.That((Text(Mount(Updater, "pod-map"), "mountPath"), Text(Mount(Updater, "pod-map"), "readOnly")),
            Is.EqualTo((PodMapDirectory.Usual, "true")));
        Assert.That(Text(Node(Updater, "command")[2]), Is.EqualTo($"{PodMapDirectory.Usual}/pods.json"));
        Assert.That(new[] { Suricata, Updater }.Select(container => Text(Mount(container, "run"), "mountPath")),
            Is.All.EqualTo("/var/run/suricata"));
        Assert.That(Text(Updater, "image"), Is.EqualTo(Text(Suricata, "image")));
        Assert.That(Text(Updater, "securityContext", "capabilities"), Is.EqualTo("{ { drop, [ ALL ] } }"));
    }

    [Test]
    public void The_pack_is_where_both_look_for_it()
    {
        YamlNode generator = Objects("sensors/suricata/kustomization.yaml").Single()["configMapGenerator"][0];
        Assert.That(((YamlSequenceNode)Node(Volume(Pod, "config"), "projected", "sources")).Select(map => Text(map, "configMap", "name")),
            Is.EqualTo(new[] { Text(Only("sensor.yaml", "ConfigMap"), "metadata", "name"), Text(generator, "name") }));
        string folder = Text(Mount(Suricata, "config"), "mountPath");
        string[] pack = [.. ((YamlSequenceNode)generator["files"]).Select(file => $"{folder}/{file}")];
        YamlNode settings = Parsed(Text(Only("sensor.yaml", "ConfigMap"), "data", "sensor.yaml"));
        Assert.That(Text(Node(settings, "rule-files")[1]), Is.EqualTo(pack[0]));
        Assert.That((Text(Node(Updater, "command")[1]), Text(Mount(Updater, "config"), "mountPath")), Is.EqualTo((pack[1], folder)));
    }

    private static YamlNode PolicyOf(string file)
    {
        YamlNode map = Objects(file).Single(node => Text(node, "kind") == "ConfigMap");
        string text = Text(map, "data", "policy.yaml");
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(text)).Errors, Is.Empty);
        return Parsed(text);
    }

    private static YamlNode Parsed(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return stream.Documents.Single().RootNode;
    }

    private static YamlNode Only(string file, string kind) =>
        Objects($"deploy/suricata/{file}").Single(node => Text(node, "kind") == kind);

    private static YamlNode Volume(YamlNode pod, string name) => Named(pod["volumes"], name);

    private static YamlNode Mount(YamlNode container, string name) => Named(container["volumeMounts"], name);

    private static YamlNode Named(YamlNode list, string name) => ((YamlSequenceNode)list).Single(item => Text(item, "name") == name);
}
