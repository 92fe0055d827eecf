using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// The API server as the source of pods and namespaces. Sensors are pods of this node like all others, and a sensor that is not on this
/// node is never used; so the one watch of this node's pods finds them too, in one order of events with the pods that they shadow, and
/// the agent needs no permission and no connection beyond it.
/// </summary>
public sealed class KubernetesApi : IDisposable
{
    private readonly ApiConnection _connection;

    /// <param name="credentials">From <see cref="ServiceAccount"/> or <see cref="Kubeconfig"/>.</param>
    /// <param name="nodeName">Only the pods of this node are asked for.</param>
    /// <param name="logger">For objects that cannot be used, and runs of a credential plugin.</param>
    /// <param name="timeouts">Null for the usual ones.</param>
    public KubernetesApi(ApiCredentials credentials, string nodeName, ILogger<KubernetesApi> logger, ApiTimeouts? timeouts = null)
    {
        timeouts ??= new ApiTimeouts();
        _connection = new ApiConnection(credentials, timeouts, logger);
        var client = new ApiClient(_connection);
        Pods = new ApiResource<Pod>(
            "pods", (options, cancellation) => client.PodsAsync(nodeName, options, cancellation), PodReader.Read, timeouts, logger);
        AllPods = new ApiResource<Pod>(
            "pods", (options, cancellation) => client.PodsAsync(null, options, cancellation), PodReader.Read, timeouts, logger);
        Services = new ApiResource<Service>("services", client.ServicesAsync, ServiceReader.Read, timeouts, logger);
        Namespaces = new ApiResource<Namespace>("namespaces", client.NamespacesAsync, NamespaceReader.Read, timeouts, logger);
        Reviews = new AccessReviews(client, timeouts.Review);
        Events = new ClusterEvents(client, timeouts.Event);
    }

    public IResourceApi<Pod> Pods { get; }

    public IResourceApi<Namespace> Namespaces { get; }

    /// <summary>The pods of all nodes. Only who keeps a map of the cluster asks for them.</summary>
    public IResourceApi<Pod> AllPods { get; }

    /// <summary>For the same.</summary>
    public IResourceApi<Service> Services { get; }

    public AccessReviews Reviews { get; }

    /// <summary>Written only where an operator asks for it.</summary>
    public ClusterEvents Events { get; }

    public void Dispose() => _connection.Dispose();
}
