using System.Collections.Immutable;

namespace HostAgent.Accounts;

/// <summary>Of which reasons a frame that is not sent is a loss to its pod.</summary>
internal static class PodLosses
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<LossReason> Reasons { get; } = [.. Enum.GetValues<LossReason>().Where(IsLossToPod)];

    /// <summary>
    /// The sensor has a duplicate from the other link, and nobody wants what the filter and the policy leave out: no loss to the pod.
    /// </summary>
    public static bool IsLossToPod(this LossReason reason) =>
        reason is not (LossReason.Duplicate or LossReason.Filter or LossReason.Sample or LossReason.Slice or LossReason.Rate);
}
