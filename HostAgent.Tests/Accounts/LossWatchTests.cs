using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Tests.Links;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Accounts;

/// <summary>What goes on being lost is a warning with its mend, whatever the reason.</summary>
public sealed class LossWatchTests
{
    private static readonly LossReason[] Harmless =
    [
        LossReason.Duplicate, LossReason.Filter, LossReason.Sample, LossReason.Slice, LossReason.Rate, LossReason.OwnTunnel,
        LossReason.OutOfScope,
    ];

    private readonly HandClock _clock = new();
    private LogLines<LossWatch> _log = null!;
    private LossWatch _watch = null!;
    private LedgerSnapshot _ledger = LedgerSnapshot.Empty;

    [SetUp]
    public void Begin()
    {
        _ledger = LedgerSnapshot.Empty;
        _log = new LogLines<LossWatch>();
        _watch = new LossWatch(() => _ledger, _log, _clock);
    }

    [TestCaseSource(nameof(ToMend))]
    public void A_reason_that_rises_for_ten_seconds_is_a_warning_with_its_mend(LossReason reason)
    {
        Assert.That(Rise(reason, seconds: 9), Is.Empty);
        string warning = Rise(reason, seconds: 2).Single();
        Assert.That(warning, Does.StartWith($"11 frames lost as {reason.Name()} within 10 s: ").And.EndsWith(reason.Mend()!));
        Assert.That(_log.All.Single(), Is.EqualTo((LogLevel.Warning, warning)));
    }

    [TestCaseSource(nameof(Harmless))]
    public void A_harmless_one_is_none(LossReason reason) => Assert.That(Rise(reason, seconds: 100), Is.Empty);

    [Test]
    public void A_burst_is_none_and_a_trickle_is_one()
    {
        Rise(LossReason.KernelRing, seconds: 5);
        Assert.That(Quiet(seconds: 20), Is.Empty);
        IEnumerable<string> said = [];
        for (int i = 0; i < 3; i++)
        {
            said = Rise(LossReason.Malformed, seconds: 1);
            Quiet(seconds: 7);
        }

        Assert.That(said, Has.One.Contains("3 frames lost as malformed within 16 s"));
    }

    [Test]
    public void It_ends_when_nothing_is_lost_any_more()
    {
        Rise(LossReason.NoSensor, seconds: 30);
        Assert.That(Quiet(seconds: 9), Has.Length.EqualTo(1));
        Assert.That(Quiet(seconds: 2), Is.Empty);
        Assert.That(_log.All.Last(), Is.EqualTo((LogLevel.Information, "No more frames lost as no_sensor: 30 in all, within 29 s")));
        Assert.That(Rise(LossReason.NoSensor, seconds: 11).Single(), Does.StartWith("11 frames"), "a new one has a count of its own");
    }

    [Test]
    public void The_log_repeats_it_every_ten_minutes_and_not_more_often_when_it_starts_again()
    {
        Rise(LossReason.SendError, seconds: 3600);
        Assert.That(_log.Count(LogLevel.Warning), Is.InRange(6, 7));
        Quiet(seconds: 11);
        int before = _log.All.Count;
        for (int i = 0; i < 20; i++)
        {
            Rise(LossReason.SendError, seconds: 12);
            Quiet(seconds: 11);
        }

        Assert.That(_log.All.Count - before, Is.LessThanOrEqualTo(2), "460 s of it");
    }

    [Test]
    public void What_the_kernel_cannot_hand_over_is_not_taken_for_a_ring_that_is_full()
    {
        string[] said = [];
        for (int i = 0; i < 12; i++)
        {
            _ledger = _ledger with { UnknownOffload = i + 1, Losses = _ledger.Losses.SetItem((int)LossReason.KernelRing, i + 1) };
            said = Look(_ledger);
        }

        Assert.That(said.Single(), Does.Contain("cannot hand over").And.Contain("SCTP"));
    }

    [Test]
    public void Answers_that_nobody_listens_are_one()
    {
        string[] said = [];
        for (int i = 0; i < 12; i++) said = Look(_ledger = _ledger with { Unreachable = i + 1 });
        Assert.That(said.Single(), Does.Contain("nobody listens").And.Contain("reads: sniff"));
    }

    [Test]
    public void Every_reason_has_a_mend_or_is_harmless() =>
        Assert.That(Enum.GetValues<LossReason>().Where(reason => reason.Mend() is null), Is.EquivalentTo(Harmless));

    private static IEnumerable<LossReason> ToMend() => Enum.GetValues<LossReason>().Except(Harmless);

    /// <summary>One more frame each second.</summary>
    private string[] Rise(LossReason reason, int seconds)
    {
        string[] said = [];
        for (int i = 0; i < seconds; i++)
            said = Look(_ledger = _ledger with { Losses = _ledger.Losses.SetItem((int)reason, _ledger.Lost(reason) + 1) });
        return said;
    }

    private string[] Quiet(int seconds)
    {
        string[] said = [];
        for (int i = 0; i < seconds; i++) said = Look(_ledger);
        return said;
    }

    private string[] Look(LedgerSnapshot ledger)
    {
        _ledger = ledger;
        string[] said = [.. _watch.Warnings()];
        _clock.Advance(TimeSpan.FromSeconds(1));
        return said;
    }
}
