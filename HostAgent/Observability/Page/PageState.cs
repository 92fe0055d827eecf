using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Policy;

namespace HostAgent.Observability;

/// <summary>What the page is told when it comes, and again when something of it has changed: all but what counts up all the time.</summary>
/// <param name="Version">Of the agent.</param>
/// <param name="Status">Without the ledger.</param>
/// <param name="PolicyErrors">As compilers print them.</param>
/// <param name="Changes">The newest first.</param>
/// <param name="Mends">By reason of loss, for those that want mending: see <see cref="LossMends"/>.</param>
internal sealed record PageState(
    string Version, StatusDocument Status, IEnumerable<string> PolicyErrors, IEnumerable<PageState.RecentPart> Changes,
    Dictionary<string, string> Mends)
{
    private static readonly Dictionary<string, string> AllMends = Enum.GetValues<LossReason>()
        .Where(reason => reason.Mend() is not null).ToDictionary(reason => reason.Name(), reason => reason.Mend()!);

    public static PageState From(AgentStatus status, IEnumerable<PolicyError> errors, IEnumerable<RecentChange> changes) => new(
        BuildInfo.Release,
        StatusDocument.From(status, ledger: null),
        errors.Select(error => error.In("policy")),
        changes.Select(change => new RecentPart(
            change.At.ToUnixTimeMilliseconds(), change.Change.Name(), change.Subject, change.Rule, change.Links, change.Reason)),
        AllMends);

    /// <param name="At">Milliseconds since the Unix epoch.</param>
    internal sealed record RecentPart(long At, string Change, string Subject, string? Rule, string? Links, string Reason);
}
