using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>A Deployment of idle pods in scope on the node. Disposed of, it is gone, and so are its pods.</summary>
internal sealed class IdlePods : IDisposable
{
    private readonly string _name;

    public IdlePods(TestBed bed, string name, int count)
    {
        _name = name;
        Kubectl.Create($$"""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: {{name}}, namespace: {{SuitePods.InScope}}}
            spec:
              replicas: {{count}}
              selector:
                matchLabels: {app: {{name}}}
              template:
                metadata:
                  labels: {app: {{name}}}
                spec:
                  terminationGracePeriodSeconds: 1
                  automountServiceAccountToken: false
                  nodeSelector: {kubernetes.io/hostname: {{bed.Node}}}
                  containers:
                  - {name: main, image: "{{bed.ToolsImage}}", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
            """);
    }

    public RunningPod[] All => [.. Kubectl.List("pods", "-n", SuitePods.InScope, "-l", $"app={_name}")
        .Select(p => new RunningPod(SuitePods.InScope, Kubectl.Name(p)))];

    public void AssertRolledOut(int seconds)
    {
        CommandResult result = Kubectl.RolledOut(SuitePods.InScope, $"deployment/{_name}", seconds);
        Assert.That(result.Succeeded, $"the pods of {_name} do not start: {result.LastWords}");
    }

    public void Scale(int count) =>
        Kubectl.Run("scale", "deployment", _name, "-n", SuitePods.InScope, $"--replicas={count}");

    public void Dispose()
    {
        Kubectl.Run("delete", "deployment", _name, "-n", SuitePods.InScope);
        Wait.Until(200, () => All is { Length: > 0 } left ? $"{left.Length} pods of {_name} do not end" : null);
    }
}
