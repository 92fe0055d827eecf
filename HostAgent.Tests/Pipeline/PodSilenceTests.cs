using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Pipeline;
using HostAgent.Tests.Links;

namespace HostAgent.Tests.Pipeline;

/// <summary>What is judged of a pod by its counters, look by look, five seconds apart as in a quiet cluster.</summary>
internal sealed class PodSilenceTests
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    private readonly long[] _notSent = new long[LossReasonNames.Count];
    private HandClock _clock = null!;
    private PodSilence _silence = null!;
    private long _fromPod, _toPod, _captured, _answered, _acknowledged;
    private PodVerdict? _said;

    [SetUp]
    public void Begin()
    {
        Array.Clear(_notSent);
        (_fromPod, _toPod, _captured, _answered, _acknowledged) = (1000, 2000, 500, 70, 80);
        Watch();
    }

    [Test]
    public void A_pod_of_which_nothing_is_captured_is_found_within_half_a_minute_and_one_frame_ends_it()
    {
        for (int i = 0; i < 20; i++) Assert.That(Look(fromPod: 50, toPod: 50, captured: 100), Is.Null);
        int rounds = 0;
        while (Look(fromPod: 5, toPod: 5) is null) rounds++;
        Assert.That((rounds + 1) * Round, Is.LessThanOrEqualTo(TimeSpan.FromSeconds(25)));
        Assert.That(_said, Is.EqualTo(new PodVerdict(SilenceKind.All, 30, 30)), "of the window");
        Assert.That(Look(fromPod: 5, toPod: 5, captured: 1), Is.Null);
        Assert.That(Rounds(10, fromPod: 5, toPod: 5, captured: 10), Is.Null);
    }

    [Test]
    public void It_ends_when_the_pod_is_idle_and_an_idle_one_or_a_little_noise_is_none()
    {
        Assert.That(Rounds(100), Is.Null, "idle");
        Assert.That(Rounds(100, fromPod: 2, toPod: 1), Is.Null, "noise");
        Assert.That(Rounds(10, fromPod: 20)?.Kind, Is.EqualTo(SilenceKind.All));
        Assert.That(Rounds(4), Is.Null);
    }

    [Test]
    public void Frames_that_are_on_their_way_are_not_missing()
    {
        Look(fromPod: 100);
        Assert.That(Rounds(20, fromPod: 100, captured: 100), Is.Null, "always a hundred behind");
    }

    [Test]
    public void Of_a_heavy_flow_past_its_slice_most_is_not_copied()
    {
        Watch(thinned: true);
        Assert.That(Rounds(10, fromPod: 2500), Is.Null, "there is one in 256, by lot");
        Assert.That(Rounds(10, fromPod: 3000)?.Kind, Is.EqualTo(SilenceKind.All));
    }

    [Test]
    public void A_link_that_is_not_known_and_one_that_counts_anew_say_nothing()
    {
        for (int i = 0; i < 10; i++) Assert.That(Look(new PodReading(_clock.GetTimestamp(), null, 5, new(0, 0), [.. _notSent])), Is.Null);
        Rounds(3, fromPod: 3);
        (_fromPod, _toPod) = (0, 0);
        Assert.That(Look(), Is.Null);
    }

    [Test]
    public void A_direction_that_the_link_carries_and_that_is_not_captured_is_found()
    {
        Assert.That(Rounds(5, fromPod: 40, toPod: 60, captured: 40, answered: 30)?.Kind, Is.EqualTo(SilenceKind.ToPod));
        Assert.That(_said!.Value.Frames, Is.EqualTo(180));
        Assert.That(Look(fromPod: 40, toPod: 60, captured: 100, answered: 30, acknowledged: 30), Is.Null);
        Assert.That(Rounds(5, fromPod: 40, toPod: 60, captured: 60, acknowledged: 30)?.Kind, Is.EqualTo(SilenceKind.FromPod));
        Assert.That(Rounds(5, toPod: 60, captured: 60, acknowledged: 30), Is.EqualTo(new PodVerdict(SilenceKind.FromPod, 0, 180)),
            "the link does not carry it either");
    }

    [Test]
    public void A_scan_joined_segments_and_one_way_talk_are_no_missing_direction()
    {
        Assert.That(Rounds(10, fromPod: 60, toPod: 60, captured: 120, acknowledged: 60), Is.Null, "answered with RST alone");
        Assert.That(Rounds(10, fromPod: 900, toPod: 100, captured: 130, answered: 30, acknowledged: 100), Is.Null, "30 of 30 joined");
        Assert.That(Rounds(10, fromPod: 500, captured: 500), Is.Null, "a pod that only sends");
        Assert.That(Rounds(10, toPod: 500, captured: 500), Is.Null, "a pod that only listens");
        Assert.That(Rounds(10, fromPod: 60, captured: 60, answered: 30), Is.Null, "past the link: the other detector's");
    }

    [Test]
    public void All_frames_lost_for_one_reason_are_found_with_it_whatever_is_a_copy_or_not_wanted()
    {
        Assert.That(Rounds(10, fromPod: 100, captured: 100, lost: [(LossReason.Malformed, 90)]), Is.Null, "a tenth arrives");
        Assert.That(
            Rounds(5, fromPod: 100, toPod: 100, captured: 200, lost: [(LossReason.SendError, 80), (LossReason.Duplicate, 100),
                (LossReason.Sample, 20)]),
            Is.EqualTo(new PodVerdict(SilenceKind.Lost, 240, 240, LossReason.SendError)));
        Assert.That(Rounds(4, fromPod: 100, captured: 100), Is.Null);
        Assert.That(Rounds(10, fromPod: 6, captured: 6, lost: [(LossReason.NoSensor, 6)]), Is.Null, "too few to tell");
    }

    [TestCase(LossReason.Duplicate)]
    [TestCase(LossReason.Sample)]
    [TestCase(LossReason.Slice)]
    [TestCase(LossReason.Rate)]
    [TestCase(LossReason.OwnTunnel)]
    public void What_asks_for_no_mend_is_no_silence(LossReason reason) =>
        Assert.That(Rounds(10, fromPod: 100, captured: 100, lost: [(reason, 100)]), Is.Null);

    [Test]
    public void A_filter_that_lets_nothing_through_is_told_as_such_since_it_began()
    {
        Watch(filtered: true);
        Assert.That(Rounds(10, fromPod: 9), Is.Null, "81 since the first look");
        Assert.That(Rounds(10, fromPod: 9, toPod: 1), Is.EqualTo(new PodVerdict(SilenceKind.Filtered, 181, 181)));
        Assert.That(Look(fromPod: 9, captured: 1), Is.Null);
        Assert.That(Rounds(100, fromPod: 100), Is.Null, "it lets something through now and then");
        Assert.That(Rounds(5, fromPod: 100, captured: 60, answered: 60), Is.Null, "it may want one direction");
        Assert.That(Rounds(5, fromPod: 100, captured: 60, lost: [(LossReason.Malformed, 60)])?.Kind, Is.EqualTo(SilenceKind.Lost));
    }

    private void Watch(bool filtered = false, bool thinned = false)
    {
        _clock = new HandClock();
        _silence = new PodSilence(filtered, thinned, _clock);
    }

    private PodVerdict? Rounds(
        int count, int fromPod = 0, int toPod = 0, int captured = 0, int answered = 0, int acknowledged = 0,
        params (LossReason Reason, int Frames)[] lost)
    {
        for (int i = 0; i < count; i++) Look(fromPod, toPod, captured, answered, acknowledged, lost);
        return _said;
    }

    /// <summary>What has come since the last look; five seconds later is the next.</summary>
    private PodVerdict? Look(
        int fromPod = 0, int toPod = 0, int captured = 0, int answered = 0, int acknowledged = 0,
        params (LossReason Reason, int Frames)[] lost)
    {
        (_fromPod, _toPod, _captured) = (_fromPod + fromPod, _toPod + toPod, _captured + captured);
        (_answered, _acknowledged) = (_answered + answered, _acknowledged + acknowledged);
        foreach ((LossReason reason, int frames) in lost) _notSent[(int)reason] += frames;
        return Look(new PodReading(_clock.GetTimestamp(), new LinkTraffic(_fromPod, _toPod, 0), _captured,
            new DirectionCounts(_answered, _acknowledged), [.. _notSent]));
    }

    private PodVerdict? Look(PodReading reading)
    {
        _said = _silence.Look(reading);
        _clock.Advance(Round);
        return _said;
    }
}
