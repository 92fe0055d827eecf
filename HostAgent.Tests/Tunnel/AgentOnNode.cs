using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Tests.Tunnel;

/// <summary>The agent as it is deployed: the program itself, in the node's namespace, with a policy and a cluster file.</summary>
internal sealed class AgentOnNode : IAsyncDisposable
{
    public const uint Vni = 4711;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private readonly TemporaryDirectory _folder = new();
    private readonly AgentFiles _files;
    private readonly AgentProcess _process;

    /// <param name="node">Where it runs.</param>
    /// <param name="sensor">The policy's sensor part, as YAML in braces.</param>
    /// <param name="pods">The pods of the node; see <see cref="ClusterPod"/> for which of them are in scope, and are sensors.</param>
    public AgentOnNode(NodeNetwork node, string sensor, params (string Namespace, PodNetwork Pod)[] pods)
        : this(node, sensor, [], pods)
    {
    }

    /// <param name="node">Where it runs.</param>
    /// <param name="sensor">The policy's sensor part, as YAML in braces.</param>
    /// <param name="wrapper">A command that runs the one that follows it.</param>
    /// <param name="pods">The pods of the node.</param>
    /// <param name="further">Further arguments of <c>run</c>.</param>
    public AgentOnNode(
        NodeNetwork node, string sensor, string[] wrapper, (string Namespace, PodNetwork Pod)[] pods, params string[] further)
    {
        _files = new AgentFiles(_folder.Path, "n");
        _files.WritePolicy(sensor, Vni);
        WritePods(pods);
        _process = new AgentProcess(node.Namespace, [.. wrapper, .. AgentProgram.Command], _files, further);
    }

    /// <summary>The last lines of its log.</summary>
    public string Log => _process.Log;

    /// <summary>The policy changes, as a whole: the agent may be reading.</summary>
    /// <param name="sensor">Its sensor part, as YAML in braces.</param>
    public void WritePolicy(string sensor) => _files.WritePolicy(sensor, Vni);

    /// <summary>The policy changes to this text.</summary>
    public void WritePolicyText(string text) => _files.WritePolicy(text);

    /// <summary>The cluster changes: from now on these are all pods of the node.</summary>
    public void WritePods(params (string Namespace, PodNetwork Pod)[] pods) =>
        _files.WriteCluster(pods);

    /// <summary>Waits until the agent says of itself what is expected.</summary>
    public Task<AgentReading> UntilAsync(string what, Func<AgentReading, bool> condition) =>
        _process.UntilAsync(what, condition, Patience, default);

    /// <summary>The same, asked every other second: asking costs the agent CPU.</summary>
    public Task<AgentReading> CalmAsync(string what, Func<AgentReading, bool> condition) =>
        _process.UntilAsync(what, condition, TimeSpan.FromMinutes(2), default, TimeSpan.FromSeconds(2));

    /// <summary>Waits until so many pods are captured and the sensor is ready.</summary>
    public Task<AgentReading> ReadyAsync(int pods) => _process.ReadyAsync(pods, Patience, default);

    /// <summary>Waits until nothing is in flight and nothing moves.</summary>
    public async Task<AgentReading> SettledAsync(long seen = 0)
    {
        long before = -1;
        return await UntilAsync($"{seen} seen and settled", reading =>
        {
            bool settled = reading.Ledger.Seen == before && reading.Ledger.Seen >= seen && reading.Balances;
            before = reading.Ledger.Seen;
            return settled;
        });
    }

    /// <summary>The value of a metric without labels.</summary>
    public Task<double> MetricAsync(string name) => _process.MetricAsync(name, default);

    /// <summary>The end of a program that ends by itself.</summary>
    /// <returns>The exit code; null when it still runs after 30 s.</returns>
    public Task<int?> EndedAsync() => _process.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>SIGSTOP, and after a while SIGCONT.</summary>
    public async Task PauseAsync(TimeSpan pause)
    {
        HostTool.Run("kill", "-STOP", $"{_process.Id}");
        await Task.Delay(pause);
        HostTool.Run("kill", "-CONT", $"{_process.Id}");
    }

    /// <summary>SIGKILL, and the end of the program.</summary>
    public async Task KillAsync()
    {
        HostTool.Run("kill", "-KILL", $"{_process.Id}");
        await EndedAsync();
    }

    /// <inheritdoc cref="AgentProcess.EndAsync"/>
    public Task<int?> EndAsync() => _process.EndAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
