using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Policy;

namespace HostAgent.Observability;

/// <summary>What the page shows beside the status. Each is called once a second at most, and only while somebody looks.</summary>
public sealed record PageSources
{
    /// <summary>The pods in scope.</summary>
    public Func<IReadOnlyCollection<PodTraffic>> Pods { get; init; } = () => [];

    /// <summary>Why the policy file is not the policy in force; none when it is.</summary>
    public Func<ImmutableArray<PolicyError>> PolicyErrors { get; init; } = () => [];

    /// <summary>The last changes of what is captured, the newest first.</summary>
    public Func<IReadOnlyList<RecentChange>> Changes { get; init; } = () => [];

    /// <summary>By which the page is told, and makes rates.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
