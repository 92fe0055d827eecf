using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>The agent's DaemonSet, as daemonset.yaml or an overlay of deploy/ has it, with nothing but the image's name set.</summary>
internal sealed partial class AgentDeployment(string image)
{
    public const string Manifest = "daemonset.yaml";
    public const string Namespace = "host-agent";

    /// <summary>The text of the policy that the API server has.</summary>
    public string Policy
    {
        get => (string)Kubectl.Get("configmap", "-n", Namespace, "host-agent-policy")["data"]!["policy.yaml"]!;
        set => Kubectl.RunWithInput(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ConfigMap",
                ["metadata"] = new JsonObject { ["name"] = "host-agent-policy", ["namespace"] = Namespace },
                ["data"] = new JsonObject { ["policy.yaml"] = value },
            }.ToJsonString(),
            "replace");
    }

    /// <summary>How often containers of the agent were started again, all nodes together.</summary>
    public int Restarts => Kubectl.List("pods", "-n", Namespace)
        .SelectMany(p => p["status"]?["containerStatuses"]?.AsArray() ?? []).Sum(c => (int)c!["restartCount"]!);

    public static string LastLog(int lines)
    {
        CommandResult result = Command.PutBack("kubectl", "logs", "-n", Namespace, "daemonset/host-agent", $"--tail={lines}");
        return (result.Output + result.Error).TrimEnd();
    }

    /// <summary>Applies daemonset.yaml over what is there.</summary>
    public void Apply() => Kubectl.Apply(WithImage(File.ReadAllText(Manifest)));

    /// <summary>Applies an overlay over what is there, and waits until it runs.</summary>
    public void Overlay(string name) => ApplyOverlay(Kubectl.Run("kustomize", $"deploy/{name}"));

    /// <inheritdoc cref="Overlay"/>
    /// <param name="manifest">What kustomize makes of it.</param>
    public void ApplyOverlay(string manifest)
    {
        // Not validated on this side: before Kubernetes 1.22 the network policy's endPort is not known, and the server leaves it out.
        Kubectl.Apply(WithImage(manifest), "--validate=false");
        AssertRolledOut();
    }

    /// <summary>Back to daemonset.yaml, whatever was there.</summary>
    public void Reset()
    {
        Delete();
        Apply();
        AssertRolledOut();
    }

    public void Delete() => Kubectl.Run("delete", "-n", Namespace, "daemonset", "host-agent");

    public void AssertRolledOut() => Assert.That(
        Kubectl.RolledOut(Namespace, "daemonset/host-agent", seconds: 120).Succeeded,
        () => $"the agent does not become ready: {LastLog(3)}");

    private string WithImage(string manifest) => ImageLine().Replace(manifest, $"image: {image}");

    [GeneratedRegex(@"image: host-agent:\S*")]
    private static partial Regex ImageLine();
}
