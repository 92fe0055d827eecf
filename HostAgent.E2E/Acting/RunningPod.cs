using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>A container of a pod: programs run in it, and its address. Without a name the container is the pod's first.</summary>
internal sealed record RunningPod(string Namespace, string Name, string? Container = null)
{
    public string Ip => (string?)Kubectl.Get("pod", "-n", Namespace, Name)["status"]!["podIP"]
        ?? throw new InvalidOperationException($"{this} has no address yet");

    /// <summary>A ready pod of the node that is not about to end; null when there is none.</summary>
    public static RunningPod? Ready(string node, string @namespace, string selector) =>
        Kubectl.List("pods", "-n", @namespace, "-l", selector, "--field-selector", $"spec.nodeName={node}")
            .Where(p => p["metadata"]!["deletionTimestamp"] is null && Kubectl.IsReady(p))
            .Select(p => new RunningPod(@namespace, Kubectl.Name(p))).FirstOrDefault();

    /// <exception cref="InvalidOperationException">The program failed; the message has its last words.</exception>
    public string Exec(params string[] command) => Kubectl.Run(Arguments(command));

    public CommandResult TryExec(params string[] command) => Kubectl.Try(Arguments(command));

    public Command StartExec(params string[] command) => Command.Start("kubectl", Arguments(command));

    public void Delete(params string[] options) => Kubectl.Run(["delete", "pod", "-n", Namespace, Name, .. options]);

    public override string ToString() => $"{Namespace}/{Name}";

    private string[] Arguments(string[] command) =>
        ["exec", "-n", Namespace, Name, .. Container is null ? Array.Empty<string>() : ["-c", Container], "--", .. command];
}
