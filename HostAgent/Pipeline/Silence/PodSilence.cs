using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Links;

namespace HostAgent.Pipeline;

/// <summary>
/// Judges whether the sensor misses a pod, by counters that are kept anyway, over the last quarter of a minute. An idle pod carries too
/// little to be judged. It ends with the pod's links or its rule.
/// </summary>
/// <param name="filtered">Whether a filter keeps frames out in the kernel: that none comes, or one direction only, may be meant.</param>
/// <param name="thinned">Whether the kernel copies only some frames of heavy flows (slice, rate).</param>
/// <param name="clock">Of the readings.</param>
internal sealed class PodSilence(bool filtered, bool thinned, TimeProvider clock)
{
    /// <summary>How far back it looks at least. What is found is found within this, and one more interval between two looks.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(15);

    /// <summary>So many frames that none is captured of are no accident: each one that a link carries is captured.</summary>
    public const int Enough = 10;

    /// <summary>The same where only one head in 256 is copied of a heavy flow.</summary>
    public const int EnoughThinned = 8192;

    /// <summary>So many frames with one fate are the pod's fate.</summary>
    public const int EnoughLost = 20;

    /// <summary>So many that a filter lets none through of are worth a word.</summary>
    public const int EnoughRejected = 100;

    private readonly Queue<PodReading> _readings = new();
    private PodReading? _first;

    /// <summary>Takes the next reading, of a later moment than the one before.</summary>
    /// <returns>What is wrong by now; null while nothing is known to be.</returns>
    public PodVerdict? Look(PodReading now)
    {
        _first ??= now;
        _readings.Enqueue(now);
        // The youngest that is old enough stays.
        while (_readings.Count > 1 && clock.GetElapsedTime(_readings.ElementAt(1).At, now.At) >= Window) _readings.Dequeue();
        PodReading before = _readings.Peek();
        if (clock.GetElapsedTime(before.At, now.At) < Window) return null;
        if (filtered) return AllRejected(_first, now) ?? AllLost(before, now);
        return NothingCaptured(before, now) ?? OneDirection(before, now) ?? AllLost(before, now);
    }

    private PodVerdict? NothingCaptured(PodReading before, PodReading now)
    {
        long carried = Carried(before, now).Frames;
        return now.Captured == before.Captured && carried >= (thinned ? EnoughThinned : Enough)
            ? new PodVerdict(SilenceKind.All, carried, carried)
            : null;
    }

    private static PodVerdict? AllRejected(PodReading first, PodReading now)
    {
        long carried = Carried(first, now).Frames;
        return now.Captured == first.Captured && carried >= EnoughRejected
            ? new PodVerdict(SilenceKind.Filtered, carried, carried)
            : null;
    }

    /// <summary>
    /// Who acknowledges has got something. Both who do and the link's counters have to say that a direction is missing, and as many
    /// frames have to be: a scan is answered without acknowledgements, and segments may be joined before they are captured.
    /// Frames to the pod that the link does not even carry are <see cref="OneWayDetector"/>'s.
    /// </summary>
    private PodVerdict? OneDirection(PodReading before, PodReading now)
    {
        if (thinned || before.Carried is null || now.Carried is null) return null;
        LinkTraffic carried = Carried(before, now);
        long fromPod = now.Directions.AnsweredFromPod - before.Directions.AnsweredFromPod;
        long toPod = now.Directions.ToPod - before.Directions.ToPod;
        long missing = carried.Frames - (now.Captured - before.Captured);
        if (toPod == 0 && fromPod >= OneWayDetector.Enough && IsMissed(carried.Sent))
            return new PodVerdict(SilenceKind.ToPod, carried.Sent, carried.Frames);
        return fromPod == 0 && toPod >= OneWayDetector.Enough && (carried.Received == 0 || IsMissed(carried.Received))
            ? new PodVerdict(SilenceKind.FromPod, carried.Received, carried.Frames)
            : null;

        bool IsMissed(long direction) => direction >= OneWayDetector.Enough && missing >= direction * 9 / 10;
    }

    private static PodVerdict? AllLost(PodReading before, PodReading now)
    {
        // Some may be on their way still, so nearly all is all.
        long wanted = now.Captured - before.Captured
            - Enum.GetValues<LossReason>().Where(reason => reason.Mend() is null).Sum(NotSent);
        if (wanted < EnoughLost) return null;
        LossReason most = PodLosses.Reasons.Where(reason => reason.Mend() is not null).MaxBy(NotSent);
        return NotSent(most) >= wanted * 19 / 20 ? new PodVerdict(SilenceKind.Lost, NotSent(most), wanted, most) : null;

        long NotSent(LossReason reason) => now.NotSent[(int)reason] - before.NotSent[(int)reason];
    }

    /// <summary>A link that was made anew under its name counts from 0.</summary>
    private static LinkTraffic Carried(PodReading before, PodReading now) => before.Carried is { } first && now.Carried is { } last
        ? new LinkTraffic(Math.Max(0, last.Received - first.Received), Math.Max(0, last.Sent - first.Sent), 0)
        : default;
}
