using System.Collections.Immutable;
using HostAgent.Accounts;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>Pods and namespaces as they are known now, wherever they come from.</summary>
public sealed class ClusterSource : IWarns, IDisposable
{
    /// <summary>What <see cref="SyncAsync"/> is given by a command that somebody waits for.</summary>
    public static readonly TimeSpan SyncLimit = TimeSpan.FromSeconds(30);

    private readonly ResourceStore<Pod> _pods = new();
    private readonly ResourceStore<Namespace> _namespaces = new();
    private readonly ListWatch<Pod> _podWatch;
    private readonly ListWatch<Namespace> _namespaceWatch;
    private readonly ClusterFile? _file;
    private readonly KubernetesApi? _api;

    /// <summary>The file when there is one, else the API server as the kubeconfig says, else as the pod's service account.</summary>
    /// <exception cref="ClusterFileException">The file is bad.</exception>
    /// <exception cref="ApiCredentialsException">There is no file, and no way to an API server either.</exception>
    public ClusterSource(string? clusterFile, string? kubeconfig, string nodeName, ILoggerFactory logs)
    {
        if (clusterFile is not null)
        {
            _file = new ClusterFile(clusterFile, nodeName, logs.CreateLogger<ClusterFile>());
        }
        else
        {
            ApiCredentials credentials = kubeconfig is not null
                ? Kubeconfig.Read(kubeconfig)
                : ServiceAccount.Read(Environment.GetEnvironmentVariable);
            _api = new KubernetesApi(credentials, nodeName, logs.CreateLogger<KubernetesApi>());
        }

        _podWatch = new ListWatch<Pod>(_file?.Pods ?? _api!.Pods, _pods, logs.CreateLogger<ListWatch<Pod>>());
        _namespaceWatch = new ListWatch<Namespace>(
            _file?.Namespaces ?? _api!.Namespaces, _namespaces, logs.CreateLogger<ListWatch<Namespace>>());
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

    /// <summary>Says who may look at what the agent knows; null with a file, which says nothing of that.</summary>
    public AccessReviews? Reviews => _api?.Reviews;

    /// <summary>Where events are written; null with a file, which nobody would look at.</summary>
    public ClusterEvents? Events => _api?.Events;

    /// <summary>The pods of this node.</summary>
    public IReadOnlyCollection<Pod> Pods => [.. _pods.Current.Values];

    /// <summary>The same; another instance after each change.</summary>
    internal ImmutableDictionary<string, Pod> PodsByUid => _pods.Current;

    public IReadOnlyCollection<Namespace> Namespaces => [.. _namespaces.Current.Values];

    /// <summary>Why what is known may be out of date, in words for an operator; null when all is well.</summary>
    public string? Problem => _file?.Problem ?? _podWatch.Problem ?? _namespaceWatch.Problem;

    /// <summary><see cref="Problem"/>, and that what is known may not be what was meant; each in one sentence.</summary>
    public IEnumerable<string> Warnings() => new[] { Problem, _file?.NobodyHere }.OfType<string>();

    /// <summary>
    /// How the two watches of the API server fare, for the metrics; none with a file, which may rightly stay as it is for years.
    /// </summary>
    public IReadOnlyCollection<WatchCounters> Watches => _file is null ? [Counters(_podWatch), Counters(_namespaceWatch)] : [];

    /// <summary>All pods and services from the same source. They are asked for once it runs.</summary>
    internal ClusterWide OpenWide(ILoggerFactory logs) => _file is null
        ? new ClusterWide(_api!.AllPods, _api.Services, logs)
        : new ClusterWide(_file.AllPods, _file.Services, logs);

    /// <summary>Follows both until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation)
    {
        _file?.Watch();
        return Task.WhenAll(_podWatch.RunAsync(cancellation), _namespaceWatch.RunAsync(cancellation));
    }

    /// <summary>Waits until both have been listed once.</summary>
    /// <exception cref="TimeoutException">They have not within the time; the message says why.</exception>
    public async Task SyncAsync(TimeSpan limit, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task running = RunAsync(stop.Token);
        long start = Environment.TickCount64;
        while (!Synced && Environment.TickCount64 - start < limit.TotalMilliseconds) await Task.Delay(10, cancellation);
        await stop.CancelAsync();
        await running;
        if (!Synced) throw new TimeoutException($"pods and namespaces could not be listed within {limit.TotalSeconds} s: {Problem}");
    }

    public void Dispose()
    {
        _file?.Dispose();
        _api?.Dispose();
    }

    private static WatchCounters Counters<T>(ListWatch<T> watch)
        where T : class, IResource =>
        new(
            watch.Resource, watch.Objects, watch.LastEvent,
            Enum.GetValues<RestartReason>().ToImmutableSortedDictionary(r => r.Name(), watch.Restarts));
}
