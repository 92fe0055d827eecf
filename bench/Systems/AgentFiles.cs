using System.Net;
using System.Text;
using HostAgent.Bench.Sensors;
using HostAgent.Lab;

namespace HostAgent.Bench.Systems;

/// <summary>The policy and the cluster file for one start of the agent.</summary>
internal sealed class AgentFiles
{
    public const string NodeName = "bench";

    private readonly string _folder;

    /// <param name="folder">An existing one; what it held is replaced.</param>
    /// <param name="network">Whose pods.</param>
    /// <param name="sensor">Which one receives.</param>
    /// <param name="inScope">False when the policy is to select none of the pods.</param>
    /// <param name="segments">The policy's sensor.segments; a build that does not know the word is given none.</param>
    public AgentFiles(string folder, BenchNetwork network, SensorKind sensor, bool inScope, string segments)
    {
        _folder = folder;
        File.WriteAllText(Policy, $$"""
            apiVersion: hostagent/v1
            kind: MirrorPolicy
            sensor:
              address: {{network.SensorAddress(sensor)}}
              reads: {{(BenchNetwork.Sniffs(sensor) ? "sniff" : "socket")}}
              {{(segments == AgentMirror.Wire ? "" : $"segments: {segments}")}}
            vni: 100
            rules:
            - name: bench
              namespaceSelector: {matchLabels: {mirror: "on"} }

            """);
        var text = new StringBuilder("apiVersion: v1\nkind: List\nitems:\n");
        text.Append(Namespace("mirrored", inScope ? "on" : "off")).Append(Namespace("rest", "off"));
        text.Append(Pod("mirrored", "server", network.Server.Ipv4));
        foreach (PodNetwork pod in new[] { network.Client, network.Bystander, network.Passerby, network.Sniffer, network.Reader })
        {
            text.Append(Pod("rest", pod.Name, pod.Ipv4));
        }

        for (int i = 0; i < network.IdlePods.Count; i++) text.Append(Pod("mirrored", $"idle-{i}", network.IdlePods[i]));
        File.WriteAllText(Cluster, text.ToString());
    }

    public string Policy => Path.Combine(_folder, "policy.yaml");

    public string Cluster => Path.Combine(_folder, "cluster.yaml");

    private static string Namespace(string name, string mirror) => $$"""
        - {apiVersion: v1, kind: Namespace, metadata: {name: {{name}}, uid: namespace-{{name}}, labels: {mirror: "{{mirror}}"} } }

        """;

    private static string Pod(string where, string name, IPAddress ip) => $$"""
        - apiVersion: v1
          kind: Pod
          metadata: {name: {{name}}, namespace: {{where}}, uid: pod-{{name}}}
          spec: {nodeName: {{NodeName}}}
          status: {phase: Running, podIP: {{ip}}, podIPs: [{ip: {{ip}} }]}

        """;
}
