using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// Pods of all nodes and services as they are known now, for who keeps a map of the cluster: two watches beside the agent's own.
/// </summary>
internal sealed class ClusterWide
{
    private readonly ResourceStore<Pod> _pods = new();
    private readonly ResourceStore<Service> _services = new();
    private readonly ListWatch<Pod> _podWatch;
    private readonly ListWatch<Service> _serviceWatch;

    public ClusterWide(IResourceApi<Pod> pods, IResourceApi<Service> services, ILoggerFactory logs)
    {
        _podWatch = new ListWatch<Pod>(pods, _pods, logs.CreateLogger<ListWatch<Pod>>());
        _serviceWatch = new ListWatch<Service>(services, _services, logs.CreateLogger<ListWatch<Service>>());
    }

    /// <summary>True once both have been listed completely.</summary>
    public bool Synced => _pods.Synced && _services.Synced;

    /// <summary>Another instance after each change.</summary>
    public ImmutableDictionary<string, Pod> PodsByUid => _pods.Current;

    /// <inheritdoc cref="PodsByUid"/>
    public ImmutableDictionary<string, Service> ServicesByUid => _services.Current;

    /// <summary>Why what is known may be out of date, in words for an operator; null when all is well.</summary>
    public string? Problem => _podWatch.Problem ?? _serviceWatch.Problem;

    /// <summary>Follows both until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        Task.WhenAll(_podWatch.RunAsync(cancellation), _serviceWatch.RunAsync(cancellation));
}
