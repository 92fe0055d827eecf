using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Links;

/// <summary>A node for one test, and a monitor inside it.</summary>
internal sealed class MonitoredNode : IDisposable
{
    public static readonly ImmutableArray<ILinkLookup> Lookups = [new RouteLookup(), new NeighbourLookup()];

    public static readonly MirrorRule Rule = new("all", LabelSelector.Everything, LabelSelector.Everything, 1);

    /// <param name="receiveBuffer">The monitor's.</param>
    /// <param name="logger">The monitor's, where what it says matters.</param>
    public MonitoredNode(int receiveBuffer = 1 << 20, ILogger<LinkMonitor>? logger = null)
    {
        Node = TestNode.Create();
        try
        {
            Monitor = Node.Namespace.Run(() => new LinkMonitor(logger ?? NullLogger<LinkMonitor>.Instance, receiveBuffer));
        }
        catch
        {
            Node.Dispose();
            throw;
        }
    }

    public NodeNetwork Node { get; }

    public LinkMonitor Monitor { get; }

    public LinkSnapshot Snapshot => Monitor.Current;

    public static Pod Pod(string name, params string[] ips) => new()
    {
        Uid = $"uid-{name}",
        Namespace = "shop",
        Name = name,
        NodeName = "n",
        Phase = PodPhase.Running,
        Ready = true,
        Ips = [.. ips.Select(IPAddress.Parse)],
    };

    /// <summary>Waits until the monitor shows what is expected of it.</summary>
    public Task UntilAsync(string what, Func<LinkSnapshot, bool> condition) => Eventually.ThatAsync(() => condition(Monitor.Current), what);

    /// <summary>Waits until a matcher captures the pod, and gives its coverage.</summary>
    public async Task<PodCoverage> CapturedAsync(PodLinkMatcher matcher, Pod pod)
    {
        PodCoverage? coverage = null;
        await Eventually.ThatAsync(() => (coverage = Cover(matcher, pod)).State == PodState.Captured, $"{pod.Name} is captured");
        return coverage!;
    }

    public PodCoverage Cover(PodLinkMatcher matcher, Pod pod) => matcher.Match([(pod, Rule)], Monitor.Current).Coverage.Pods[0];

    public Link? Named(string name) => Monitor.Current.Links.Values.FirstOrDefault(link => link.Name == name);

    public void Dispose()
    {
        Monitor.Dispose();
        Node.Dispose();
    }
}
