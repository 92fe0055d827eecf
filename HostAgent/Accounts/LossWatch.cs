using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace HostAgent.Accounts;

/// <summary>
/// Nothing is lost in silence: what of the ledger goes on rising and is not harmless becomes a warning with its mend. What lasts less than
/// ten seconds does not, such as a burst, or a sensor that is replaced; it is on the ledger.
/// </summary>
internal sealed class LossWatch : IWarns
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Func<LedgerSnapshot> _ledger;
    private readonly ImmutableDictionary<LossReason, RisingCount> _losses;
    private readonly ImmutableArray<(Func<LedgerSnapshot, long> Read, RisingCount Count)> _others;

    /// <param name="ledger">As it is at the moment.</param>
    /// <param name="logger">Gets what the warnings say, though not as often.</param>
    /// <param name="clock">For tests.</param>
    public LossWatch(Func<LedgerSnapshot> ledger, ILogger<LossWatch> logger, TimeProvider? clock = null)
    {
        _ledger = ledger;
        _losses = Enum.GetValues<LossReason>().Where(reason => reason.Mend() is not null)
            .ToImmutableDictionary(reason => reason, reason => Count($"frames lost as {reason.Name()}", reason.Mend()!));
        _others =
        [
            (ledger => ledger.UnknownOffload, Count("frames of a kind that the kernel cannot hand over, among those lost as kernel_ring",
                "they are super-frames of SCTP, or super-datagrams of UDP before Linux 6.2; a newer kernel helps for UDP, "
                + "tx-sctp-segmentation off at the pod's link for SCTP")),
            (ledger => ledger.Unreachable, Count("answers that nobody listens on the sensor's UDP port",
                "what is delivered is delivered to nobody; "
                + "start the sensor, or say reads: sniff in the policy if it sniffs its interface")),
        ];

        RisingCount Count(string what, string mend) => new(what, mend, Patience, logger, clock ?? TimeProvider.System);
    }

    public IEnumerable<string> Warnings()
    {
        LedgerSnapshot ledger = _ledger();
        return
        [
            .. _losses.OrderBy(loss => loss.Key).Select(loss => loss.Value.Look(Lost(ledger, loss.Key))).OfType<string>(),
            .. _others.Select(other => other.Count.Look(other.Read(ledger))).OfType<string>(),
        ];
    }

    // No CPU and no room would help against what the kernel cannot hand over; that has its own count.
    private static long Lost(LedgerSnapshot ledger, LossReason reason) =>
        ledger.Lost(reason) - (reason == LossReason.KernelRing ? ledger.UnknownOffload : 0);
}
