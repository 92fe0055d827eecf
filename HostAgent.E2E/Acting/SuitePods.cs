using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>The pods of workload.yaml, which the suite watches over.</summary>
internal static class SuitePods
{
    public const string Manifest = "HostAgent.E2E/workload.yaml";

    /// <summary>The namespace whose pods are to be mirrored.</summary>
    public const string InScope = "e2e-in";

    public const string OutOfScope = "e2e-out";

    /// <summary>The namespace of the sensors.</summary>
    public const string Sensors = "security";

    public static RunningPod Client { get; } = new(InScope, "client", "main");

    /// <summary>Answers HTTP on port 8080.</summary>
    public static RunningPod Server { get; } = new(InScope, "server", "web");

    /// <summary>A tenant's pod that calls itself a sensor, in a namespace that the policy does not name.</summary>
    public static RunningPod Rogue { get; } = new(OutOfScope, "rogue", "main");

    public static void Apply(TestBed bed)
    {
        Kubectl.Apply(File.ReadAllText(Manifest).Replace("IMAGE", bed.ToolsImage).Replace("NODE", bed.Node));
        CommandResult ready =
            Kubectl.Try("wait", "pod", "--for=condition=Ready", "-n", InScope, Client.Name, Server.Name, "--timeout=180s");
        Assert.That(ready.Succeeded, () => $"{ready.LastWords}\n{Kubectl.Run("get", "pods", "-A", "-o", "wide")}");
    }

    /// <summary>One page from the client to the server. Whether it comes is not this suite's question.</summary>
    public static void WebRequest() => Client.TryExec("curl", "-sf", "-m", "5", "-o", "/dev/null", $"http://{Server.Ip}:8080/");

    /// <summary>Says whether the namespace in scope is to be mirrored.</summary>
    public static void Label(bool mirrored) => Kubectl.Run("label", "namespace", InScope, mirrored ? "mirror=on" : "mirror-");

    /// <summary>Says how many sensors the suite itself has.</summary>
    public static void ScaleSensor(int replicas) => Kubectl.Run("scale", "deployment", "sensor", "-n", Sensors, $"--replicas={replicas}");

    /// <summary>One more pod on the node, which runs a single command until it is deleted.</summary>
    public static RunningPod Run(TestBed bed, string @namespace, string name, params string[] command)
    {
        Kubectl.Create($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}, namespace: {{@namespace}}}
            spec:
              restartPolicy: Never
              terminationGracePeriodSeconds: 0
              nodeSelector: {kubernetes.io/hostname: {{bed.Node}}}
              containers:
              - {name: main, image: "{{bed.ToolsImage}}", imagePullPolicy: IfNotPresent, command: [{{string.Join(", ", command)}}]}
            """);
        return new RunningPod(@namespace, name);
    }
}
