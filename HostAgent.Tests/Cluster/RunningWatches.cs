using HostAgent.Cluster;

namespace HostAgent.Tests.Cluster;

/// <summary>The agent's view of a cluster: both loops on their stores, against an API server.</summary>
internal sealed class RunningWatches : IAsyncDisposable
{
    private readonly KubernetesApi _api;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    public RunningWatches(ApiCredentials credentials, ApiTimeouts? timeouts = null, string node = "node-1", Backoff? backoff = null)
    {
        _api = new KubernetesApi(credentials, node, Log, timeouts);
        PodLoop = new ListWatch<Pod>(_api.Pods, Pods, Log, backoff);
        NamespaceLoop = new ListWatch<Namespace>(_api.Namespaces, Namespaces, Log, backoff);
        _run = Task.WhenAll(PodLoop.RunAsync(_stop.Token), NamespaceLoop.RunAsync(_stop.Token));
    }

    public LogLines<KubernetesApi> Log { get; } = new();

    public ResourceStore<Pod> Pods { get; } = new();

    public ResourceStore<Namespace> Namespaces { get; } = new();

    public ListWatch<Pod> PodLoop { get; }

    public ListWatch<Namespace> NamespaceLoop { get; }

    public bool Synced => Pods.Synced && Namespaces.Synced;

    /// <summary>The loops have not ended, as they never do by themselves.</summary>
    public bool Running => !_run.IsCompleted;

    public bool Equal(ApiObjects objects) =>
        Pods.Current.Keys.Order(StringComparer.Ordinal).SequenceEqual(objects.Uids("pods"))
        && Namespaces.Current.Keys.Order(StringComparer.Ordinal).SequenceEqual(objects.Uids("namespaces"));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _api.Dispose();
        _stop.Dispose();
    }
}
