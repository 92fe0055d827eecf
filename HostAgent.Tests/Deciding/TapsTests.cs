using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Tests.Observability;

namespace HostAgent.Tests.Deciding;

/// <summary>Who may tap which pod, judged anew with each round, and on record.</summary>
public sealed class TapsTests
{
    private static readonly PodCoverage Captured = Example.Status.Pods[0], Pending = Example.Status.Pods[1],
        OnHostNetwork = Example.Status.Pods[2], Unselected = Example.Status.Pods[3];

    private LogLines<Taps> _lines = null!;
    private Taps _taps = null!;

    [SetUp]
    public void Begin()
    {
        _lines = new LogLines<Taps>();
        _taps = new Taps(_lines);
    }

    [Test]
    public void A_pod_in_scope_is_tapped_where_it_is_captured()
    {
        TapDecision decision = Of(Captured);
        Assert.That((decision.Verdict, decision.Rule, decision.LinkNames), Is.EqualTo((TapVerdict.Granted, "payments", "veth1")));
        Assert.That(Of(Captured, TapScope.Any).IsLike(decision));
    }

    [Test]
    public void What_cannot_be_tapped_is_not_with_any_policy()
    {
        foreach (TapScope allowed in Enum.GetValues<TapScope>())
        {
            Assert.That(Of(Pending, allowed), Is.EqualTo(
                new TapDecision(TapVerdict.Waiting, Pending.Reason) { Pod = Pending.Pod }).Using<TapDecision>((a, b) => a.IsLike(b)));
            Assert.That((Of(OnHostNetwork, allowed).Verdict, Of(OnHostNetwork, allowed).Reason),
                Is.EqualTo((TapVerdict.Refused, OnHostNetwork.Reason)));
            PodCoverage finished = Captured with { Pod = Captured.Pod with { Phase = PodPhase.Succeeded }, Reason = "it has finished" };
            Assert.That((Of(finished, allowed).Verdict, Of(finished, allowed).Reason),
                Is.EqualTo((TapVerdict.Finished, "it has finished")));
        }
    }

    [Test]
    public void A_pod_that_no_rule_selects_is_tapped_where_the_policy_permits_any()
    {
        Assert.That(Of(Unselected).Verdict, Is.EqualTo(TapVerdict.Refused));
        Assert.That(Of(Unselected).Reason, Does.Contain("(no rule selects it)").And.Contain("tap: scope"));
        Assert.That(Of(Unselected, TapScope.Any).Verdict, Is.EqualTo(TapVerdict.Waiting), "its links were not asked for");
        PodCoverage asIf = Captured with { Pod = Unselected.Pod };
        TapDecision decision = Of(Unselected, TapScope.Any, asIf);
        Assert.That((decision.Verdict, decision.Rule, decision.LinkNames), Is.EqualTo((TapVerdict.Granted, (string?)null, "veth1")));
        Assert.That(Of(Unselected, TapScope.Any, Unselected with { Reason = "is a sensor" }),
            Has.Property("Verdict").EqualTo(TapVerdict.Refused).And.Property("Reason").EqualTo("is a sensor"));
        Assert.That(Of(Unselected, TapScope.Scope, asIf).Verdict, Is.EqualTo(TapVerdict.Refused));
    }

    [Test]
    public async Task A_tap_lasts_until_the_policy_or_the_asker_ends_it()
    {
        await using IAsyncEnumerator<TapDecision> tap = _taps.AskAsync(Request("p"), default).GetAsyncEnumerator();
        Assert.That(_taps.Wants(Captured.Pod), Is.False, "nobody has asked yet");
        ValueTask<bool> first = tap.MoveNextAsync();
        Assert.That((_taps.Wants(Captured.Pod), _taps.Wants(Unselected.Pod)), Is.EqualTo((true, false)));
        Look(Captured);
        Assert.That((await first, tap.Current.Verdict), Is.EqualTo((true, TapVerdict.Granted)));
        ValueTask<bool> second = tap.MoveNextAsync();
        Look(Captured);
        Look(Captured with { Links = [Captured.Links[0] with { OneWay = true }] });
        Assert.That(second.IsCompleted, Is.False, "nothing has changed for the tap");
        Look();
        Assert.That((await second, tap.Current.Verdict), Is.EqualTo((true, TapVerdict.Waiting)));
        ValueTask<bool> third = tap.MoveNextAsync();
        Look(Captured with { Rule = null, State = PodState.NotSelected, Reason = "no rule matches", Links = [] });
        Assert.That((await third, tap.Current.Verdict), Is.EqualTo((true, TapVerdict.Refused)));
        Assert.That(await tap.MoveNextAsync(), Is.False);
        Assert.That(_taps.Wants(Captured.Pod), Is.False);
        Assert.That(_lines.All.Select(line => line.Text.Split(',', ':')[0]), Is.EqualTo(new[] { "Tap began", "Tap changed", "Tap ended" }));
        Assert.That(_lines.All.First().Text, Is.EqualTo(
            "Tap began: pod a/p uid u-p, rule payments, links veth1, filter tcp, limits 5 frames, "
            + "by 127.0.0.1:7, process 12, user 0, login 1000, command host-agent tap a/p"));
        Assert.That(_lines.All.Last().Text, Does.Contain("does not select it (no rule matches)"));
    }

    [Test]
    public async Task No_more_than_a_few_run_at_once_and_none_outlasts_the_agent()
    {
        var open = new List<IAsyncEnumerator<TapDecision>>();
        for (int i = 0; i < Taps.AtOnce; i++)
        {
            open.Add(_taps.AskAsync(Request("p"), default).GetAsyncEnumerator());
            ValueTask<bool> granted = open[i].MoveNextAsync();
            Look(Captured);
            Assert.That(await granted);
        }

        await using IAsyncEnumerator<TapDecision> one = _taps.AskAsync(Request("p"), default).GetAsyncEnumerator();
        Assert.That((await one.MoveNextAsync(), one.Current.Verdict), Is.EqualTo((true, TapVerdict.Refused)));
        Assert.That(one.Current.Reason, Does.Contain("taps run on this node already"));
        _taps.End();
        foreach (IAsyncEnumerator<TapDecision> tap in open)
        {
            Assert.That((await tap.MoveNextAsync(), tap.Current.Verdict), Is.EqualTo((true, TapVerdict.Refused)));
            await tap.DisposeAsync();
        }

        Assert.That(_lines.All.Count(line => line.Text.StartsWith("Tap ended", StringComparison.Ordinal)), Is.EqualTo(Taps.AtOnce));
        Assert.That(_lines.All.Count(line => line.Text.StartsWith("Tap refused", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    private static TapRequest Request(string pod) => new("a", pod, new TapAsker(IPEndPoint.Parse("127.0.0.1:7"))
    {
        Process = 12,
        User = 0,
        Login = 1000,
        Command = "host-agent tap a/p",
    })
    { Filter = "tcp", Limits = "5 frames" };

    private static TapDecision Of(PodCoverage pod, TapScope allowed = TapScope.Scope, params ImmutableArray<PodCoverage> beside) =>
        TapDecision.Of(
            Request("p") with { Namespace = pod.Pod.Namespace, Pod = pod.Pod.Name }, allowed, Example.Status with { Pods = [pod] }, beside);

    private void Look(params ImmutableArray<PodCoverage> pods) => _taps.Look(TapScope.Scope, Example.Status with { Pods = pods }, []);
}
