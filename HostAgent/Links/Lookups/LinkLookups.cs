using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;

namespace HostAgent.Links;

/// <summary>The lookups of one host, in their order, with what those need that find their answers in their own time.</summary>
public sealed class LinkLookups : IDisposable
{
    private readonly NetnsLookup _netns;
    private readonly LearningLookup? _learning;
    private readonly NeighbourPrompt _prompt = new();

    /// <param name="links">The host's links now.</param>
    /// <param name="listen">False to leave out the lookup that opens sockets on links.</param>
    /// <param name="logs">For what befalls the lookups' threads.</param>
    public LinkLookups(Func<LinkSnapshot> links, bool listen, ILoggerFactory logs)
    {
        _netns = new NetnsLookup(NetnsLookup.DefaultFolders, links, logs.CreateLogger<NetnsLookup>());
        _netns.Changed += Announce;
        All = [new RouteLookup(), new NeighbourLookup(), _netns];
        if (!listen) return;
        _learning = new LearningLookup(logs.CreateLogger<LearningLookup>());
        _learning.Changed += Announce;
        All = All.Add(_learning);
    }

    /// <summary>Raised on a thread of a lookup when its answers have changed.</summary>
    public event Action? Changed;

    /// <summary>Strongest first.</summary>
    public ImmutableArray<ILinkLookup> All { get; }

    /// <inheritdoc cref="NetnsLookup.NamespaceOf"/>
    public string? NamespaceOf(IPAddress address, Link hostLink) => _netns.NamespaceOf(address, hostLink);

    /// <summary>Which lookups are of no use at present, each with the reason and the mend in a sentence.</summary>
    public ImmutableArray<string> Problems => [.. ((string?[])[_netns.Problem, _learning?.Problem]).OfType<string>()];

    /// <summary>Waits until the lookups know what can be known at once: for a caller that asks only once.</summary>
    public void Prepare() => _netns.Scan();

    /// <summary>Follows up what a round of matching left open. Must be called on a thread of the host's network namespace.</summary>
    public void Follow(Coverage coverage)
    {
        if (_learning is null) return;
        _learning.Watch(coverage.Unclaimed, coverage.Sought);
        // To tell pods apart the others' addresses are looked for too; sent to is only who is in scope, and never an address that a tenant
        // may have written into an annotation.
        _prompt.Ask([.. coverage.Pods.Where(pod => pod.Rule is not null).SelectMany(pod => pod.Pod.Ips).Where(coverage.Sought.Contains)]);
    }

    public void Dispose()
    {
        _netns.Dispose();
        _learning?.Dispose();
    }

    private void Announce() => Changed?.Invoke();
}
