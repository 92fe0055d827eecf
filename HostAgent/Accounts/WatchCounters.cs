using System.Collections.Immutable;

namespace HostAgent.Accounts;

/// <summary>How the list-watch of one resource fares.</summary>
/// <param name="Resource">The plural resource name, such as <c>pods</c>.</param>
/// <param name="Objects">How many objects are known at the moment.</param>
/// <param name="LastEvent">The last sign of life of the source (event, bookmark or list); null before the first.</param>
/// <param name="Restarts">How often the watch was started again, by reason, such as <c>expired</c> or <c>timeout</c>.</param>
public sealed record WatchCounters(
    string Resource, long Objects, DateTimeOffset? LastEvent, ImmutableSortedDictionary<string, long> Restarts);
