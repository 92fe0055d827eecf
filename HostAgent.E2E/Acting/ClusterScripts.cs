using System.Text.RegularExpressions;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>
/// The scripts of CLUSTER=DIR, which make a cluster on this machine and give a way to its host; docs/e2e.md has what each does.
/// </summary>
internal sealed partial class ClusterScripts(string directory)
{
    public const string ToolsImage = "localhost/host-agent/tools:1";

    private readonly string _cluster = Path.Combine(directory, "cluster");

    /// <summary>Whether a cluster is there already, whoever made it.</summary>
    public bool IsUp => ComponentLine().IsMatch(Command.Run(_cluster, "status"));

    /// <summary>Builds Kubernetes, the image with the tools and the agent's.</summary>
    public void Build(string image)
    {
        Command.Run(Path.Combine(directory, "build-k8s"));
        Command.Run(Path.Combine(directory, "image-from-dir"), "-", ToolsImage, "--apt", "iproute2 iperf3 socat curl tcpdump procps");
        Command.Run(Path.Combine(directory, "dockerfile-build"), image, ".");
    }

    /// <summary>Makes a cluster. From then on kubectl asks that one.</summary>
    public void Up(params string[] options)
    {
        CommandResult result = Command.Try(_cluster, ["up", .. options]);
        Match config = KubeconfigLine().Match(result.Output + result.Error);
        if (!result.Succeeded || !config.Success) throw new InvalidOperationException($"no cluster: {result.LastWords}");
        Environment.SetEnvironmentVariable("KUBECONFIG", config.Groups["file"].Value);
    }

    /// <summary>Removes the cluster, in a session of its own, so that one more Ctrl-C does not reach it.</summary>
    public void Down()
    {
        CommandResult result = Command.PutBack("setsid", "--wait", _cluster, "down");
        if (!result.Succeeded) throw new InvalidOperationException($"the cluster is still there: {result.LastWords}");
    }

    public string Sh(string node, params string[] command) => Command.Run(_cluster, ["sh", node, .. command]);

    public Command StartSh(string node, params string[] command) => Command.Start(_cluster, ["sh", node, .. command]);

    /// <summary>The process of a container, on the node.</summary>
    /// <param name="containerId">As Kubernetes gives it: containerd://ID.</param>
    public int Process(string node, string containerId)
    {
        string id = containerId[(containerId.LastIndexOf('/') + 1)..];
        return Command.Run(_cluster, "ctr", node, "tasks", "ls").Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns.Length > 1 && columns[0] == id).Select(columns => int.Parse(columns[1])).Single();
    }

    /// <summary>The process of a component, as kube-apiserver or kubelet-NODE.</summary>
    public int Component(string name) => ComponentLine().Matches(Command.Run(_cluster, "status"))
        .Where(m => m.Groups["name"].Value == name).Select(m => int.Parse(m.Groups["pid"].Value)).Single();

    [GeneratedRegex(@"^(?<name>\S+)\s+running, pid (?<pid>\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex ComponentLine();

    [GeneratedRegex(@"export KUBECONFIG=(?<file>\S+)")]
    private static partial Regex KubeconfigLine();
}
