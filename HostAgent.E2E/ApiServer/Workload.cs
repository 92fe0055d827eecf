using System.Text;
using HostAgent.Cluster;
using HostAgent.E2E.Acting;

namespace HostAgent.E2E.ApiServer;

/// <summary>Pods on a node that does not exist, so that nothing runs them, in namespaces that end with the test.</summary>
internal sealed class Workload : IDisposable
{
    private readonly string _prefix = $"e2e-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";

    public Workload(int namespaces)
    {
        Node = $"{_prefix}-node";
        Namespaces = [.. Enumerable.Range(0, namespaces).Select(i => $"{_prefix}-{i}")];
        Kubectl.Create($"{{\"apiVersion\":\"v1\",\"kind\":\"Node\","
            + $"\"metadata\":{{\"name\":\"{Node}\"}},\"spec\":{{\"unschedulable\":true}}}}");
        Kubectl.Create(string.Join("\n", Namespaces.Select(n =>
            $"{{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{{\"name\":\"{n}\",\"labels\":{{\"mirror\":\"off\"}}}}}}")));
    }

    public string Node { get; }

    public string[] Namespaces { get; }

    /// <summary>Pods that tolerate their node's absence, spread over the namespaces.</summary>
    public void AddPods(string name, int count)
    {
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            string home = Namespaces[i % Namespaces.Length];
            text.Append($$$"""
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: {{{name}}}-{{{i}}}, namespace: {{{home}}}, labels: {app: {{{name}}}, number: "{{{i}}}"}}
                spec:
                  nodeName: {{{Node}}}
                  automountServiceAccountToken: false
                  terminationGracePeriodSeconds: 0
                  tolerations: [{operator: Exists}]
                  containers: [{name: c, image: "localhost/none:1"}]

                """);
        }

        Kubectl.Create(text.ToString());
    }

    public void RemovePods(string name)
    {
        foreach (string @namespace in Namespaces)
            Kubectl.Run("delete", "--raw", $"/api/v1/namespaces/{@namespace}/pods?labelSelector=app%3D{name}");
    }

    public void Label(string @namespace, string value) =>
        Kubectl.Run("label", "namespace", @namespace, $"mirror={value}", "--overwrite");

    public void Dispose()
    {
        foreach (string @namespace in Namespaces) Kubectl.Run("delete", "--raw", $"/api/v1/namespaces/{@namespace}/pods");
        Kubectl.Run(["delete", "namespaces", "--wait=false", .. Namespaces]);
        Kubectl.Run("delete", "node", Node);
    }
}
