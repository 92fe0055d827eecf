using System.Diagnostics;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>
/// Kills components of a cluster that the scripts made, and starts them again with their own command lines. Those that it has started
/// end with it.
/// </summary>
internal sealed class Components(ClusterScripts scripts) : IDisposable
{
    public const string ApiServer = "kube-apiserver";

    private readonly Dictionary<string, string[]> _commands = [];
    private readonly Dictionary<string, Command> _started = [];

    /// <summary>Kills it, as a crash does.</summary>
    public void Kill(string name)
    {
        int id = _started.TryGetValue(name, out Command? ours) ? ours.Id : scripts.Component(name);
        _commands[name] = File.ReadAllText($"/proc/{id}/cmdline").TrimEnd('\0').Split('\0');
        using var process = Process.GetProcessById(id);
        process.Kill();
        process.WaitForExit();
        if (_started.Remove(name)) ours!.Dispose();
    }

    public void Start(string name)
    {
        // In a session of its own: Ctrl-C is for the suite, which ends it when its tests have ended.
        _started[name] = Command.Start("sh", ["-c", "exec setsid \"$@\" >/dev/null 2>&1 </dev/null", name, .. _commands[name]]);
    }

    /// <summary>Starts the API server, and waits until it answers.</summary>
    public void StartApiServer()
    {
        Start(ApiServer);
        Wait.Until(90, () => Kubectl.Try("get", "--raw", "/readyz") is { Succeeded: false } result ? result.LastWords : null);
    }

    /// <summary>Drops the history of the API server's etcd up to now.</summary>
    /// <remarks>The API server has been killed: its own cache remembers what etcd has forgotten, until it is another process.</remarks>
    public void CompactHistory()
    {
        const string Option = "--etcd-servers=";
        Etcd.Compact(_commands[ApiServer].Single(a => a.StartsWith(Option, StringComparison.Ordinal))[Option.Length..]);
    }

    public void Dispose()
    {
        foreach (Command started in _started.Values) started.Dispose();
        _started.Clear();
    }
}
