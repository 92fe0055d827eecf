using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using HostAgent.Cluster;
using HostAgent.Commands;
using HostAgent.Policy;
using YamlDotNet.RepresentationModel;
using YamlNode = YamlDotNet.RepresentationModel.YamlNode;

namespace HostAgent.Tests.Deploy;

/// <summary>What the repository tells operators to apply is what the program takes.</summary>
public sealed partial class ManifestTests
{
    internal static string Root { get; } = Above(TestContext.CurrentContext.TestDirectory);

    [Test]
    public void The_policy_of_the_manifest_is_valid() =>
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(Text(Only("ConfigMap"), "data", "policy.yaml"))).Errors, Is.Empty);

    [Test]
    public void The_policy_and_the_cluster_file_of_the_README_are_valid_and_go_together()
    {
        string readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        byte[][] examples = [.. Fenced().Matches(readme).Select(match => Encoding.UTF8.GetBytes(match.Groups[1].Value))];
        Assert.That(examples, Has.Length.EqualTo(2));
        PolicyResult policy = PolicyReader.Read(examples[0]);
        Assert.That(policy.Errors, Is.Empty);
        ClusterResult cluster = ClusterContentReader.Read(examples[1], "n");
        Assert.That(cluster.Errors, Is.Empty);
        ImmutableArray<ScopeDecision> scope = PodScope.Decide(policy.Policy!, cluster.Content!.Pods, cluster.Content.Namespaces);
        Assert.That(scope.Select(decision => (decision.Pod.ToString(), decision.Rule?.Name, decision.Pod.Ready)),
            Is.EqualTo(new[] { ("payments/api-0", "payments", false), ("security/zeek", null, true) }));
    }

    [Test]
    public async Task The_overlay_for_upgrades_starts_a_standby_beside_the_old_agent()
    {
        YamlNode surge = Objects("deploy/surge/daemonset.yaml").Single()["spec"];
        Assert.That(
            (Text(surge, "updateStrategy", "rollingUpdate", "maxUnavailable"), Text(surge, "updateStrategy", "rollingUpdate", "maxSurge")),
            Is.EqualTo(("0", "10%")));
        YamlNode container = Node(surge, "template", "spec", "containers")[0],
            inBase = Node(Only("DaemonSet"), "spec", "template", "spec", "containers")[0];
        Assert.That(Text(container, "name"), Is.EqualTo(Text(inBase, "name")));
        // A port would be one of the host's, which only one pod of a node can have.
        Assert.That(((YamlSequenceNode)container["ports"]).Select(port => $"{port["containerPort"]} {port["$patch"]}"),
            Is.EquivalentTo(((YamlSequenceNode)inBase["ports"]).Select(port => $"{port["containerPort"]} delete")));
        Assert.That((await StartedAsync(container, new() { ["HOSTAGENT_POLICY"] = "p" })).Standby);
        Assert.That((await StartedAsync(inBase, new() { ["HOSTAGENT_POLICY"] = "p" })).Standby, Is.False);
    }

    [Test]
    public async Task The_container_starts_the_program_as_the_program_expects()
    {
        YamlNode container = Node(Only("DaemonSet"), "spec", "template", "spec", "containers")[0];
        var environment = new Dictionary<string, string> { ["HOST_IP"] = "192.0.2.7", ["NODE_NAME"] = "node-7" };
        foreach (YamlNode variable in (YamlSequenceNode)container["env"])
        {
            if (((YamlMappingNode)variable).Children.TryGetValue("value", out YamlNode? value))
                environment[variable["name"].ToString()] = value.ToString()
                    .Replace("$(HOST_IP)", environment["HOST_IP"], StringComparison.Ordinal);
        }

        AgentOptions given = await StartedAsync(container, environment);
        Assert.That((given.NodeName, given.PolicyFile, given.ClusterFile),
            Is.EqualTo(("node-7", "/etc/host-agent/policy.yaml", (string?)null)));
        Assert.That(given.Listen.Select(address => address.ToString()), Is.EqualTo(new[] { "192.0.2.7:9460", "127.0.0.1:9460" }));
        Assert.That(given.Network, Is.EqualTo(new NetworkOptions(Insecure: false, Certificate: null, Key: null)));
        Assert.That(Text(container, "livenessProbe", "httpGet", "host"), Is.EqualTo("127.0.0.1"));
    }

    [Test]
    public void It_asks_for_NET_RAW_and_nothing_more()
    {
        YamlNode pod = Node(Only("DaemonSet"), "spec", "template", "spec");
        YamlNode security = Node(pod, "containers")[0]["securityContext"];
        Assert.That(security["capabilities"]["add"].ToString(), Is.EqualTo("[ NET_RAW ]"));
        Assert.That(security["capabilities"]["drop"].ToString(), Is.EqualTo("[ ALL ]"));
        Assert.That((Text(security, "privileged"), Text(security, "allowPrivilegeEscalation"), Text(security, "readOnlyRootFilesystem")),
            Is.EqualTo(("false", "false", "true")));
        Assert.That(((YamlSequenceNode)pod["volumes"]).Select(volume => volume.ToString()), Has.None.Contains("hostPath"));
        Assert.That(RulesOf("host-agent"), Is.EqualTo(new[] { "[ pods, namespaces ] [ list, watch ]" }));
        Assert.That(RulesOf("host-agent-reviewer"),
            Is.EqualTo(new[] { "[ tokenreviews ] [ create ]", "[ subjectaccessreviews ] [ create ]" }));
        Assert.That(Objects("daemonset.yaml").Where(node => Text(node, "kind") == "ClusterRoleBinding")
            .Select(node => Text(node, "roleRef", "name")), Is.EquivalentTo(new[] { "host-agent", "host-agent-reviewer" }));
    }

    [Test]
    public async Task The_overlay_for_events_names_the_agents_own_pod_and_brings_the_right_and_nothing_more()
    {
        YamlNode patched = Objects("deploy/events/daemonset.yaml").Single()["spec"]["template"]["spec"]["containers"][0];
        var variables = ((YamlSequenceNode)patched["env"]).Cast<YamlMappingNode>().ToList();
        Assert.That(variables.Select(variable => variable["name"].ToString()),
            Is.EqualTo(new[] { "POD_NAMESPACE", "POD_NAME", "HOSTAGENT_EVENTS" }), "a variable can name those before it only");
        Assert.That(variables.Take(2).Select(variable => Text(variable, "valueFrom", "fieldRef", "fieldPath")),
            Is.EqualTo(new[] { "metadata.namespace", "metadata.name" }));
        string value = Text(variables[2], "value").Replace("$(POD_NAMESPACE)", "host-agent", StringComparison.Ordinal)
            .Replace("$(POD_NAME)", "host-agent-x7", StringComparison.Ordinal);
        YamlNode inBase = Node(Only("DaemonSet"), "spec", "template", "spec", "containers")[0];
        AgentOptions given = await StartedAsync(inBase, new() { ["HOSTAGENT_POLICY"] = "p", ["HOSTAGENT_EVENTS"] = value });
        Assert.That(given.Events, Is.EqualTo(new PodName("host-agent", "host-agent-x7")));
        Assert.That((await StartedAsync(inBase, new() { ["HOSTAGENT_POLICY"] = "p" })).Events, Is.Null);

        List<YamlNode> rbac = Objects("deploy/events/rbac.yaml");
        YamlNode rule = ((YamlSequenceNode)rbac[0]["rules"]).Single();
        Assert.That($"{rule["apiGroups"]} {rule["resources"]} {rule["verbs"]}",
            Is.EqualTo("[ events.k8s.io ] [ events ] [ create, patch ]"));
        Assert.That((Text(rbac[1], "roleRef", "name"), Text(rbac[1]["subjects"][0], "name")),
            Is.EqualTo((Text(rbac[0], "metadata", "name"), "host-agent")));
    }

    [Test]
    public void Prometheus_may_be_given_metrics_and_nothing_more()
    {
        YamlNode rule = ((YamlSequenceNode)Role("host-agent-metrics-reader")["rules"]).Single();
        Assert.That((rule["nonResourceURLs"].ToString(), rule["verbs"].ToString()), Is.EqualTo(("[ /metrics ]", "[ get ]")));
    }

    [Test]
    public void The_constraint_of_OpenShift_lets_in_what_the_pod_is_and_nothing_looser()
    {
        YamlNode constraint = Objects("deploy/openshift/scc.yaml").Single();
        YamlNode pod = Node(Only("DaemonSet"), "spec", "template", "spec"), security = Node(pod, "containers")[0]["securityContext"];
        Assert.That(constraint["users"].ToString(), Is.EqualTo("[ system:serviceaccount:host-agent:host-agent ]"));
        Assert.That((YamlSequenceNode)constraint["groups"], Is.Empty);
        Assert.That(constraint["allowedCapabilities"].ToString(), Is.EqualTo(security["capabilities"]["add"].ToString()));
        Assert.That(Text(constraint, "allowHostNetwork"), Is.EqualTo(Text(pod, "hostNetwork")));
        Assert.That(Text(constraint, "readOnlyRootFilesystem"), Is.EqualTo(Text(security, "readOnlyRootFilesystem")));
        foreach (string looser in new[] { "allowHostPID", "allowHostIPC", "allowHostDirVolumePlugin", "allowPrivilegedContainer",
            "allowPrivilegeEscalation", "defaultAllowPrivilegeEscalation" })
        {
            Assert.That(Text(constraint, looser), Is.EqualTo("false"), looser);
        }

        Assert.That(((YamlSequenceNode)pod["volumes"]).SelectMany(volume => ((YamlMappingNode)volume).Children.Keys)
            .Select(key => key.ToString()).Where(key => key != "name"),
            Is.SubsetOf(((YamlSequenceNode)constraint["volumes"]).Select(volume => volume.ToString())));
    }

    [TestCase("podmonitor.yaml", "PodMonitor", "podMetricsEndpoints")]
    [TestCase("servicemonitor.yaml", "ServiceMonitor", "endpoints")]
    public void The_operator_scrapes_over_TLS_with_a_token_that_may_get_metrics(string file, string kind, string endpoints)
    {
        YamlNode monitor = Objects($"deploy/monitoring/{file}").Single(node => Text(node, "kind") == kind);
        YamlNode endpoint = ((YamlSequenceNode)Node(monitor, "spec", endpoints)).Single(), daemonSet = Only("DaemonSet");
        YamlNode port = Node(daemonSet, "spec", "template", "spec", "containers")[0]["ports"][0];
        Assert.That((Text(endpoint, "scheme"), Text(endpoint, "path"), Text(endpoint, "honorLabels"), Text(endpoint, "port")),
            Is.EqualTo(("https", "/metrics", "true", Text(port, "name"))));
        Assert.That(Node(monitor, "spec", "selector", "matchLabels"), Is.EqualTo(Node(daemonSet, "spec", "selector", "matchLabels")));

        YamlNode[] scraper = [.. Objects("deploy/monitoring/scraper.yaml")];
        YamlNode Of(string wanted) => scraper.Single(node => Text(node, "kind") == wanted);
        Assert.That((Text(endpoint, "authorization", "type"), Text(endpoint, "authorization", "credentials", "key")),
            Is.EqualTo(("Bearer", "token")));
        Assert.That(Text(endpoint, "authorization", "credentials", "name"), Is.EqualTo(Text(Of("Secret"), "metadata", "name")));
        Assert.That(Text(Of("Secret"), "metadata", "annotations", "kubernetes.io/service-account.name"),
            Is.EqualTo(Text(Of("ServiceAccount"), "metadata", "name")).And.EqualTo(Text(Of("ClusterRoleBinding")["subjects"][0], "name")));
        Assert.That(
            Text(Of("ClusterRoleBinding"), "roleRef", "name"), Is.EqualTo(Text(Role("host-agent-metrics-reader"), "metadata", "name")));
        Assert.That(scraper.Append(monitor).Where(node => Text(node, "kind") != "ClusterRoleBinding")
            .Select(node => Text(node, "metadata", "namespace")), Is.All.EqualTo("host-agent"));
    }

    [Test]
    public void The_namespaces_that_the_policy_trusts_come_with_it()
    {
        string[] made = [.. Objects("daemonset.yaml").Where(node => Text(node, "kind") == "Namespace")
            .Select(node => Text(node, "metadata", "name"))];
        Assert.That(Policy.Sensor.Namespaces, Is.Not.Empty.And.SubsetOf(made));
    }

    [TestCaseSource(nameof(Kustomizations))]
    public void An_overlay_has_each_object_once_and_patches_what_is_there(string folder)
    {
        string[] objects = [.. Resources(folder).Select(Identity)];
        Assert.That(objects, Is.Unique.And.Contains("DaemonSet host-agent/host-agent")
            .And.Contains("Namespace security").And.Contains("NetworkPolicy security/host-agent-sensors"));
        Assert.That(Patches(folder).Select(Identity).Distinct(), Is.SubsetOf(objects));
        // kustomize panics where a file has several that delete.
        Assert.That(List(folder, "patches").Select(patch => Objects(Path.Combine(folder, patch)).Count), Is.All.EqualTo(1));
    }

    [Test]
    public void Nobody_but_the_node_sends_to_the_sensors_port_and_all_else_is_let_in()
    {
        YamlNode policy = Objects("deploy/base/networkpolicy.yaml").Single();
        SensorPolicy sensor = Policy.Sensor;
        Assert.That(sensor.Namespaces, Is.EqualTo(new[] { Text(policy, "metadata", "namespace") }));
        YamlNode labels = Node(policy, "spec", "podSelector", "matchLabels");
        Assert.That(sensor.Selector!.Matches(
            ((YamlMappingNode)labels).ToImmutableDictionary(label => label.Key.ToString(), label => label.Value.ToString())));

        YamlNode rule = ((YamlSequenceNode)Node(policy, "spec", "ingress")).Single();
        Assert.That(((YamlMappingNode)rule).Children, Has.Count.EqualTo(1), "from anywhere");
        var ports = ((YamlSequenceNode)rule["ports"]).Cast<YamlMappingNode>().ToList();
        Assert.That(ports.Where(port => port.Children.Count == 1).Select(port => Text(port, "protocol")),
            Is.EquivalentTo(new[] { "TCP", "SCTP" }));
        var open = ports.Where(port => Text(port, "protocol") == "UDP")
            .SelectMany(port => Enumerable.Range(
                int.Parse(Text(port, "port")), int.Parse(Text(port, "endPort")) - int.Parse(Text(port, "port")) + 1));
        Assert.That(Enumerable.Range(1, 65535).Except(open), Is.EqualTo(new[] { (int)sensor.Port }));
    }

    /// <summary>What the program makes of a container's arguments and environment.</summary>
    private static async Task<AgentOptions> StartedAsync(YamlNode container, Dictionary<string, string> environment)
    {
        AgentOptions? given = null;
        using var output = new StringWriter();
        var handlers = new CommandHandlers
        {
            Run = (options, _) =>
            {
                given = options;
                return Task.FromResult(0);
            },
        };
        string[] arguments = [.. ((YamlSequenceNode)container["args"]).Select(argument => argument.ToString())];
        int code = await new AgentCommandLine(name => environment.GetValueOrDefault(name))
            .InvokeAsync(arguments, handlers, output, output, isRoot: true);
        Assert.That(code, Is.Zero, output.ToString());
        return given!;
    }

    private static MirrorPolicy Policy => PolicyReader.Read(Encoding.UTF8.GetBytes(Text(Only("ConfigMap"), "data", "policy.yaml"))).Policy!;

    private static YamlNode Role(string name) =>
        Objects("daemonset.yaml").Single(node => Text(node, "kind") == "ClusterRole" && Text(node, "metadata", "name") == name);

    private static IEnumerable<string> RulesOf(string role) =>
        ((YamlSequenceNode)Role(role)["rules"]).Select(rule => $"{rule["resources"]} {rule["verbs"]}");

    private static YamlNode Only(string kind) => Objects("daemonset.yaml").Single(node => Text(node, "kind") == kind);

    internal static List<YamlNode> Objects(string file)
    {
        var stream = new YamlStream();
        using StreamReader reader = File.OpenText(Path.Combine(Root, file));
        stream.Load(reader);
        return [.. stream.Documents.Select(document => document.RootNode)];
    }

    /// <summary>All but what goes beside any of them.</summary>
    private static IEnumerable<string> Kustomizations() =>
        Directory.GetDirectories(Path.Combine(Root, "deploy")).Select(folder => Path.GetRelativePath(Root, folder))
            .Where(folder => folder != Path.Combine("deploy", "monitoring")
                && File.Exists(Path.Combine(Root, folder, "kustomization.yaml")));

    /// <summary>What a kustomization brings, before patches: its files, and what the kustomizations that it names bring.</summary>
    private static IEnumerable<YamlNode> Resources(string folder) => List(folder, "resources").SelectMany(resource =>
        resource.EndsWith(".yaml", StringComparison.Ordinal)
            ? Objects(Path.Combine(folder, resource))
            : Resources(Path.Combine(folder, resource)));

    private static IEnumerable<YamlNode> Patches(string folder) =>
        List(folder, "patches").SelectMany(patch => Objects(Path.Combine(folder, patch)))
            .Concat(List(folder, "resources").Where(resource => !resource.EndsWith(".yaml", StringComparison.Ordinal))
                .SelectMany(resource => Patches(Path.Combine(folder, resource))));

    private static IEnumerable<string> List(string folder, string field) =>
        ((YamlMappingNode)Objects(Path.Combine(folder, "kustomization.yaml")).Single()).Children.TryGetValue(field, out YamlNode? list)
            ? ((YamlSequenceNode)list).Select(item => item is YamlMappingNode ? Text(item, "path") : item.ToString())
            : [];

    private static string Identity(YamlNode node)
    {
        var metadata = (YamlMappingNode)node["metadata"];
        string space = metadata.Children.TryGetValue("namespace", out YamlNode? named) ? $"{named}/" : "";
        return $"{Text(node, "kind")} {space}{metadata["name"]}";
    }

    internal static YamlNode Node(YamlNode node, params string[] path) => path.Aggregate(node, (at, key) => at[key]);

    internal static string Text(YamlNode node, params string[] path) => Node(node, path).ToString();

    private static string Above(string directory) =>
        File.Exists(Path.Combine(directory, "HostAgent.slnx")) ? directory : Above(Directory.GetParent(directory)!.FullName);

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fenced();
}
