using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.PodMap;

/// <summary>
/// Keeps the policy's pod map as long as it asks for one: looks once a second, and writes what has changed. Nothing here is in the way of
/// frames; what goes wrong is a warning.
/// </summary>
/// <param name="policy">The policy's podMap as it is now; null for none.</param>
/// <param name="cluster">This node's pods, and whom to ask for all others.</param>
/// <param name="logs">For the watches of the whole cluster.</param>
/// <param name="clock">For the times in the map.</param>
internal sealed class PodMapKeeper(
    Func<PodMapPolicy?> policy, ClusterSource cluster, ILoggerFactory logs, TimeProvider? clock = null) : IWarns
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly FaultLog _faults = new(logs.CreateLogger<PodMapKeeper>(), "Keeping the pod map");
    private volatile string? _problem;
    private volatile string? _leftOut;
    private Kept? _kept;

    public IEnumerable<string> Warnings() =>
        new[] { _problem, _leftOut, _kept?.Wide?.Problem is { } stale ? $"the pod map may be out of date: {stale}" : null }
            .OfType<string>();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Interval, _clock);
        try
        {
            do
            {
                await LookAsync(cancellation);
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            // The end.
        }

        if (_kept is not null) await _kept.DisposeAsync();
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        PodMapPolicy? wanted = policy();
        if (_kept is not null && _kept.Policy != wanted)
        {
            await _kept.DisposeAsync();
            (_kept, _problem, _leftOut) = (null, null, null);
        }

        if (wanted is null) return;
        try
        {
            _kept ??= Kept.Begin(wanted, cluster, logs, cancellation);
            if (_kept.Wide?.Synced ?? cluster.Synced) Write(_kept);
            _problem = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _problem = $"the pod map cannot be kept in {wanted.Directory} ({e.Message}): "
                + "mount a directory there that the agent may write to, or remove podMap from the policy";
        }
        catch (Exception e) when (e is not OutOfMemoryException and not OperationCanceledException)
        {
            _faults.Log(e);
        }
    }

    private void Write(Kept kept)
    {
        // At 150,000 pods a look that finds nothing new must cost nothing.
        (object Pods, object? Services) known = (kept.Wide?.PodsByUid ?? cluster.PodsByUid, kept.Wide?.ServicesByUid);
        if (known == kept.Written && !kept.Book.HasDeparted && kept.Directory.IsThere) return;
        IReadOnlyList<AddressOwner> changes = kept.Book.Update(
            (kept.Wide?.PodsByUid ?? cluster.PodsByUid).Values, kept.Wide?.ServicesByUid.Values ?? [], _clock.GetUtcNow());
        AddressOwner[] owners = [.. kept.Book.Owners.Values.OrderBy(owner => owner.Ip, AddressOrder.Comparer)];
        _leftOut = owners.Length > kept.Policy.Most
            ? $"the pod map leaves out {owners.Length - kept.Policy.Most} of {owners.Length} addresses: "
                + "raise podMap.most, or say scope: node"
            : null;
        kept.Unwritten.AddRange(changes);
        kept.Directory.Write(kept.Unwritten, owners.Length > kept.Policy.Most ? owners[..kept.Policy.Most] : owners);
        kept.Unwritten.Clear();
        kept.Written = known;
    }

    /// <summary>What is kept while one policy asks for it.</summary>
    private sealed class Kept(
        PodMapPolicy policy, PodMapDirectory directory, ClusterWide? wide, CancellationTokenSource stop, Task watching) : IAsyncDisposable
    {
        public PodMapPolicy Policy => policy;

        public PodMapDirectory Directory => directory;

        public ClusterWide? Wide => wide;

        public AddressBook Book { get; } = new();

        /// <summary>Of which pods and services the map is.</summary>
        public (object Pods, object? Services) Written { get; set; }

        /// <summary>Changes that are not in the history yet, since it could not be written.</summary>
        public List<AddressOwner> Unwritten { get; } = [];

        public static Kept Begin(PodMapPolicy policy, ClusterSource cluster, ILoggerFactory logs, CancellationToken cancellation)
        {
            var directory = new PodMapDirectory(policy.Directory);
            AddressOwner[] known = [.. directory.History.Owners().Where(owner => owner.Until is null)];
            ClusterWide? wide = policy.Scope == PodMapScope.Cluster ? cluster.OpenWide(logs) : null;
            var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var kept = new Kept(policy, directory, wide, stop, wide?.RunAsync(stop.Token) ?? Task.CompletedTask);
            kept.Book.Restore(known);
            return kept;
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await watching;
            stop.Dispose();
        }
    }
}
