using System.Collections.Immutable;

namespace HostAgent.Accounts;

/// <summary>The ledger at one moment, in frames as the kernel handed them over: seen = delivered + in flight + every named loss.</summary>
/// <param name="Seen">The kernel's own count, frames lost in the ring included.</param>
/// <param name="Delivered">Frames all of whose segments the kernel accepted for the sensor.</param>
/// <param name="BytesDelivered">Bytes of the delivered frames as captured, link-layer header included.</param>
/// <param name="Segments">Datagrams sent: one for an ordinary frame, many for a super-frame.</param>
/// <param name="Fragmented">Delivered frames that did not fit the sensor's link whole and went out as IP fragments.</param>
/// <param name="Unreachable">
/// How often the sensor's host answered that nobody listens (ECONNREFUSED). The kernel limits such answers, so many more datagrams may have
/// been in vain; they are among the delivered, since only the sensor's side knows.
/// </param>
/// <param name="Losses">Indexed by <see cref="LossReason"/>.</param>
public sealed record LedgerSnapshot(
    long Seen, long Delivered, long BytesDelivered, long Segments, long Fragmented, long Unreachable, ImmutableArray<long> Losses)
{
    /// <summary>Segments of delivered super-frames that left in datagrams of several, as the policy allows (sensor.segments).</summary>
    public long Merged { get; init; }

    /// <summary>
    /// About how many frames the kernel kept nothing of, since their flows are past their slice or refused by their pod's rate. Not among
    /// <see cref="Seen"/>, and beside the sum.
    /// </summary>
    public long UnseenEstimate { get; init; }

    /// <summary>Running flows that made room for others in the tables that count them; each began anew.</summary>
    public long SliceEvictions { get; init; }

    /// <summary>
    /// Those of the frames lost in the ring that the kernel could not hand over, room or no room: super-frames of SCTP, and before Linux
    /// 6.2 super-datagrams of UDP.
    /// </summary>
    public long UnknownOffload { get; init; }

    public static LedgerSnapshot Empty { get; } = new(0, 0, 0, 0, 0, 0, [.. new long[LossReasonNames.Count]]);

    /// <summary>
    /// Frames captured and not yet accounted for. Zero once traffic has ceased and the ring is drained; anything else is a fault.
    /// </summary>
    public long InFlight => Seen - Delivered - Losses.Sum();

    public long Lost(LossReason reason) => Losses[(int)reason];

    /// <summary>The sum, in one line.</summary>
    public string InWords()
    {
        string[] losses =
            [.. Enum.GetValues<LossReason>().Where(reason => Lost(reason) > 0).Select(reason => $"{reason.Name()} {Lost(reason)}")];
        return $"seen {Seen} = delivered {Delivered} "
            + $"+ in flight {InFlight} + lost {Losses.Sum()} ({(losses.Length > 0 ? string.Join(", ", losses) : "none")})";
    }
}
