using System.Text;
using HostAgent.Policy;

namespace HostAgent.Lab;

/// <summary>A policy and a cluster file for an agent.</summary>
/// <param name="folder">An existing one; files of an earlier agent in it are replaced.</param>
/// <param name="nodeName">The agent's node, on which all pods are.</param>
internal sealed class AgentFiles(string folder, string nodeName)
{
    /// <summary>The namespace of sensors; it is not mirrored.</summary>
    public const string Security = "security";

    /// <summary>A namespace that is not mirrored.</summary>
    public const string Unscoped = "unscoped";

    /// <summary>The sensor part of a policy that takes the pods labelled run: sensor, as pods in <see cref="Security"/> are.</summary>
    public const string Selected = $"{{selector: {{matchLabels: {{run: sensor}}}}, namespaces: [{Security}]}}";

    private string Policy => Path.Combine(folder, "policy.yaml");

    /// <summary>The cluster file.</summary>
    public string Cluster => Path.Combine(folder, "cluster.yaml");

    /// <summary>The options of <c>run</c> and <c>check</c> that name them.</summary>
    public string[] Options =>
        ["--policy", Policy, .. Kubeconfig is null ? ["--cluster-file", Cluster] : new[] { "--kubeconfig", Kubeconfig },
        "--node-name", nodeName];

    /// <summary>The path of a kubeconfig, for an agent that asks an API server rather than reading the cluster file.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary><see cref="Selected"/> with something more, such as <c>segments: link</c>.</summary>
    public static string SelectedWith(string further) => $"{Selected[..^1]}, {further}}}";

    /// <summary>
    /// A policy that mirrors the namespaces labelled mirror: "on". Their priority is high: of that the governor takes nothing when a
    /// machine is busy with more than the agent.
    /// </summary>
    /// <param name="sensor">Its sensor part, as YAML in braces.</param>
    /// <param name="vni">The VNI of its only rule; its default is 1.</param>
    /// <param name="defaults">What it says of all rules, such as <c>slice: 64KiB</c>.</param>
    public static string PolicyOf(string sensor, uint vni = 1, string defaults = "") => $$$"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {{{sensor}}}
        vni: 1{{{DefaultsOf(defaults)}}}
        rules:
        - name: all
          namespaceSelector: {matchLabels: {mirror: "on"}}
          vni: {{{vni}}}
          priority: high

        """;

    /// <summary>The value of a sensor's offHost, as YAML in braces.</summary>
    public static string OffHostOf(OffHostTls tls) => $"{{tls: {{ca: {tls.Authority}, certificate: {tls.Certificate}, key: {tls.Key}, "
        + $"serverName: {tls.ServerName}}}}}";

    /// <summary>Writes a policy as a whole.</summary>
    public void WritePolicy(string text) => Replace(Policy, text);

    /// <summary>Writes the policy; see <see cref="PolicyOf"/>.</summary>
    public void WritePolicy(string sensor, uint vni, string defaults = "") => WritePolicy(PolicyOf(sensor, vni, defaults));

    /// <summary>The cluster changes: from now on these are all pods of the node, each in its Kubernetes namespace.</summary>
    public void WriteCluster(params (string Namespace, PodNetwork Pod)[] pods) =>
        WriteCluster(pods.Select(pod => new ClusterPod(pod.Namespace, pod.Pod)));

    /// <inheritdoc cref="WriteCluster(ValueTuple{string, PodNetwork}[])"/>
    public void WriteCluster(IEnumerable<ClusterPod> pods)
    {
        var text = new StringBuilder("apiVersion: v1\nkind: List\nitems:\n");
        foreach (string name in pods.Select(pod => pod.Namespace).Distinct())
        {
            string mirror = name is Security or Unscoped ? "off" : "on";
            text.Append($$$"""
                - apiVersion: v1
                  kind: Namespace
                  metadata:
                    name: {{{name}}}
                    uid: ns-{{{name}}}
                    labels: {kubernetes.io/metadata.name: {{{name}}}, mirror: "{{{mirror}}}"}

                """);
        }

        foreach (ClusterPod pod in pods)
        {
            string label = pod.Namespace == Security ? "sensor" : "app";
            string ips = string.Join(", ", pod.Ips.Select(ip => $"{{ip: \"{ip}\"}}"));
            text.Append($$$"""
                - apiVersion: v1
                  kind: Pod
                  metadata: {name: {{{pod.Name}}}, namespace: {{{pod.Namespace}}}, uid: {{{pod.Uid}}}, labels: {run: {{{label}}}}}
                  spec: {nodeName: {{{nodeName}}}}
                  status:
                    {phase: Running, hostIP: {{{NodeNetwork.Address}}}, podIP: {{{pod.Ips[0]}}}, podIPs: [{{{ips}}}],
                     conditions: [{type: Ready, status: "True"}]}

                """);
        }

        Replace(Cluster, text.ToString());
    }

    // A build that does not know the key is given none.
    private static string DefaultsOf(string keys) => keys.Length == 0 ? "" : $"\ndefaults: {{{keys}}}";

    /// <summary>As a whole or not at all: the agent may be reading.</summary>
    private static void Replace(string path, string text)
    {
        File.WriteAllText(path + ".new", text);
        File.Move(path + ".new", path, overwrite: true);
    }
}
