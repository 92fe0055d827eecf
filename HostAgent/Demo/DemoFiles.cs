using System.Text;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>The policy and the cluster file of the demo, in a temporary folder that goes when this is disposed.</summary>
internal sealed class DemoFiles : IDisposable
{
    private readonly string _folder;

    /// <param name="name">The folder's name.</param>
    /// <param name="network">What the cluster file describes.</param>
    public DemoFiles(string name, DemoNetwork network)
    {
        _folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), name)).FullName;
        File.WriteAllText(Policy, PolicyText);
        File.WriteAllText(Cluster, ClusterText(network));
    }

    public string Policy => Path.Combine(_folder, "policy.yaml");

    public string Cluster => Path.Combine(_folder, "cluster.yaml");

    private static string PolicyText => $"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor:
          selector:
            matchLabels:
              run: sensor
          namespaces: [{DemoNetwork.SensorNamespace}]
        vni: 1
        rules:
        - name: demo
          namespaceSelector:
            matchLabels:
              mirror: "on"
          vni: 100

        """;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>As <c>kubectl get pods,namespaces -A -o yaml</c> prints it, without what nobody reads.</summary>
    private static string ClusterText(DemoNetwork network)
    {
        var text = new StringBuilder("apiVersion: v1\nkind: List\nitems:\n");
        foreach (string name in network.Pods.Select(pod => pod.Namespace).Distinct()) text.Append(Namespace(name, "on"));
        text.Append(Namespace(DemoNetwork.SensorNamespace, "off"));
        foreach ((string name, PodNetwork pod) in network.Pods) text.Append(Pod(name, pod, "app"));
        return text.Append(Pod(DemoNetwork.SensorNamespace, network.Sensor, "run")).ToString();
    }

    private static string Namespace(string name, string mirror) => $"""
        - apiVersion: v1
          kind: Namespace
          metadata:
            name: {name}
            uid: namespace-{name}
            labels:
              mirror: "{mirror}"

        """;

    private static string Pod(string name, PodNetwork pod, string label) => $"""
        - apiVersion: v1
          kind: Pod
          metadata:
            name: {pod.Name}
            namespace: {name}
            uid: pod-{pod.Name}
            labels:
              {label}: {pod.Name}
          spec:
            nodeName: {DemoNetwork.NodeName}
          status:
            phase: Running
            podIP: {pod.Ipv4}
            podIPs:
            - ip: {pod.Ipv4}
        {(pod.Ipv6 is null ? "" : $"    - ip: {pod.Ipv6}")}
            conditions:
            - type: Ready
              status: "True"

        """;
}
