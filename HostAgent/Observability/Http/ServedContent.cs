using HostAgent.Accounts;
using HostAgent.Deciding;

namespace HostAgent.Observability;

/// <summary>What the HTTP endpoint serves.</summary>
/// <param name="Metrics">/metrics.</param>
/// <param name="Health">/livez and /readyz.</param>
/// <param name="Status">/status, with <paramref name="Ledger"/>.</param>
/// <param name="Ledger">The ledger at this moment.</param>
public sealed record ServedContent(AgentMetrics Metrics, AgentHealth Health, Func<AgentStatus> Status, Func<LedgerSnapshot> Ledger)
{
    /// <summary>The page at /, with all of the above.</summary>
    public PageSources Page { get; init; } = new();

    /// <summary>/tap.</summary>
    internal Taps? Taps { get; init; }
}
