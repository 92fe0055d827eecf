using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>What can be known of the node at once, without listening on its links: for commands that do not stay.</summary>
internal sealed class NodeView : IDisposable
{
    private readonly ClusterSource? _cluster;
    private readonly LinkMonitor _links;
    private readonly LinkLookups _lookups;

    private NodeView(ClusterSource? cluster, LinkMonitor links, LinkLookups lookups) =>
        (_cluster, _links, _lookups) = (cluster, links, lookups);

    public IReadOnlyCollection<Pod> Pods => _cluster?.Pods ?? [];

    public IEnumerable<Namespace> Namespaces => _cluster?.Namespaces ?? [];

    /// <summary>What is wrong with where pods and namespaces come from.</summary>
    public IEnumerable<string> Warnings() => _cluster?.Warnings() ?? [];

    /// <param name="cluster">Where pods and namespaces come from; ends with what is returned. Null: there are none.</param>
    /// <param name="logs">For what befalls the parts.</param>
    /// <param name="cancellation">Ends the waiting for pods.</param>
    public static async Task<NodeView> OpenAsync(ClusterSource? cluster, ILoggerFactory logs, CancellationToken cancellation)
    {
        LinkMonitor? links = null;
        LinkLookups? lookups = null;
        try
        {
            LinkMonitor monitor = links = new LinkMonitor(logs.CreateLogger<LinkMonitor>());
            lookups = new LinkLookups(() => monitor.Current, listen: false, logs);
            lookups.Prepare();
            if (cluster is not null) await cluster.SyncAsync(ClusterSource.SyncLimit, cancellation).ConfigureAwait(false);
            return new NodeView(cluster, links, lookups);
        }
        catch
        {
            lookups?.Dispose();
            links?.Dispose();
            cluster?.Dispose();
            throw;
        }
    }

    /// <summary>For one policy: a survey remembers which link was whose.</summary>
    public Survey NewSurvey() => new(_lookups);

    public (SensorStatus Sensor, Coverage Coverage) Take(Survey survey, MirrorPolicy policy) =>
        survey.Take(policy, Pods, Namespaces, _links.Current);

    public void Dispose()
    {
        _lookups.Dispose();
        _links.Dispose();
        _cluster?.Dispose();
    }
}
