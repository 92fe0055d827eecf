using HostAgent.Configuration;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>Pods and namespaces as they are known now, wherever they come from.</summary>
public sealed class ClusterSource : IDisposable
{
    private readonly ResourceStore<Pod> _pods = new();
    private readonly ResourceStore<Namespace> _namespaces = new();
    private readonly ListWatch<Pod> _podWatch;
    private readonly ListWatch<Namespace> _namespaceWatch;
    private readonly ClusterFile _file;

    /// <exception cref="IOException">The cluster file cannot be read.</exception>
    public ClusterSource(AgentOptions options, ILoggerFactory logs)
    {
        _file = new ClusterFile(options.ClusterFile!, options.NodeName, logs.CreateLogger<ClusterFile>());
        _podWatch = new ListWatch<Pod>(_file.Pods, _pods, logs.CreateLogger<ListWatch<Pod>>());
        _namespaceWatch = new ListWatch<Namespace>(_file.Namespaces, _namespaces, logs.CreateLogger<ListWatch<Namespace>>());
    }

    /// <summary>Raised after either has changed.</summary>
    public event Action? Changed
    {
        add
        {
            _pods.Changed += value;
            _namespaces.Changed += value;
        }

        remove
        {
            _pods.Changed -= value;
            _namespaces.Changed -= value;
        }
    }

    /// <summary>True once both have been listed completely.</summary>
    public bool Synced => _pods.Synced && _namespaces.Synced;

    /// <summary>The pods of this node.</summary>
    public IReadOnlyCollection<Pod> Pods => [.. _pods.Current.Values];

    public IReadOnlyCollection<Namespace> Namespaces => [.. _namespaces.Current.Values];

    /// <summary>Why what is known may be out of date, in words for an operator; null when all is well.</summary>
    public string? Problem => _file.Problem ?? _podWatch.Problem ?? _namespaceWatch.Problem;

    public ListWatch<Pod> PodWatch => _podWatch;

    public ListWatch<Namespace> NamespaceWatch => _namespaceWatch;

    /// <summary>Follows both until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation)
    {
        _file.Watch();
        return Task.WhenAll(_podWatch.RunAsync(cancellation), _namespaceWatch.RunAsync(cancellation));
    }

    public void Dispose() => _file.Dispose();
}
