using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using HostAgent.Tests.Observability;

namespace HostAgent.Tests.Deciding;

/// <summary>Whose traffic is captured, and why: no change is without its line or its count.</summary>
public sealed class ScopeAuditTests
{
    private static readonly PodCoverage Captured = Example.Status.Pods[0];
    private static readonly PodCoverage Unselected =
        Captured with { Rule = null, State = PodState.NotSelected, Reason = "no rule matches", Links = [] };
    private static readonly PodCoverage Pending = Captured with { State = PodState.Pending, Reason = "no link found", Links = [] };

    private readonly HandClock _clock = new();
    private LogLines<ScopeAudit> _lines = null!;
    private ScopeAudit _audit = null!;
    private string _namespace = "on";

    [SetUp]
    public void Begin()
    {
        _namespace = "on";
        _lines = new LogLines<ScopeAudit>();
        _audit = new ScopeAudit(_lines, _clock);
    }

    [Test]
    public void A_line_says_who_by_which_rule_where_to_under_which_policy_and_why()
    {
        Become(Captured);
        Assert.That(Lines.Single(), Is.EqualTo(
            "Scope added: pod a/p uid u-p, rule payments, VNI 100, links veth1, sensor 10.0.0.9:4789 on veth9, policy 0123456789ab: "
            + "the agent begins to mirror"));
    }

    [Test]
    public void What_is_not_captured_and_what_stays_as_it_is_is_no_change()
    {
        Become(Captured, Example.Status.Pods[1], Example.Status.Pods[2], Example.Status.Pods[3]);
        Become(Captured with { Links = [Captured.Links[0] with { OneWay = true, FoundBy = FoundBy.Neighbour }] });
        Become(Captured, Pending with { Pod = Other("q") });
        Assert.That(Lines, Has.Length.EqualTo(1));
        Assert.That(Counts, Is.EqualTo((1, 0, 0)));
    }

    [Test]
    public void Each_reason_is_what_was_compared()
    {
        Become();
        Become(Captured);
        Become(Pending);
        Become(Captured);
        Become(Unselected with { Pod = Labelled("b") });
        _namespace = "off";
        Become(Captured with { Pod = Labelled("b") });
        Become(Captured with { Pod = Labelled("b"), Rule = Captured.Rule! with { Name = "rest", Vni = 1 } });
        Become(Unselected with { Pod = Labelled("b") with { Phase = PodPhase.Succeeded } });
        Become();
        Become(Captured);
        Become();
        Assert.That(Reasons, Is.EqualTo(new[]
        {
            "added: the pod has come",
            "removed: link gone: no link found",
            "added: link found: before, no link found",
            "removed: the pod's labels changed: no rule matches",
            "added: the namespace's labels changed: before, no rule matches",
            "changed: rule payments -> rest, vni 100 -> 1",
            "removed: the pod has finished",
            "added: the pod has come",
            "removed: the pod has gone",
        }));
        Assert.That(Counts, Is.EqualTo((4, 4, 1)));
    }

    [Test]
    public void A_new_policy_is_named_with_the_one_before_and_with_what_it_changes()
    {
        AgentStatus status = Example.Status with { Pods = [Captured, Unselected with { Pod = Other("q") }] };
        Look(status);
        var traffic = new RuleTraffic(new SampleShare(1, 8), MirrorPriority.Low);
        Look(status with
        {
            PolicyRevision = "ba9876543210",
            Pods = [Captured with { Rule = Captured.Rule! with { Traffic = traffic } }, Captured with { Pod = Other("q") }],
        });
        Look(status with { Pods = [Unselected] });
        Assert.That(Reasons.Skip(1), Is.EqualTo(new[]
        {
            "changed: policy 0123456789ab -> ba9876543210: sample 1/1 -> 1/8, priority normal -> low",
            "added: policy 0123456789ab -> ba9876543210: before, no rule matches",
            "removed: the pod has gone",
            "removed: policy ba9876543210 -> 0123456789ab: no rule matches",
        }));
        Assert.That(Lines.Last(), Does.Contain("rule payments, VNI 100, links veth1").And.Contain("policy 0123456789ab: "));
    }

    [Test]
    public void Another_link_is_a_change_and_a_rename_is_none()
    {
        LinkMatch match = Captured.Links[0];
        Become(Captured);
        Become(Captured with { Links = [match with { Link = match.Link with { Name = "renamed" } }] });
        Become(Captured with { Links = [match with { Link = match.Link with { Name = "veth5", Generation = 5 } }] });
        Assert.That(Reasons.Skip(1), Is.EqualTo(new[] { "changed: links renamed -> veth5" }));
    }

    [Test]
    public void Another_sensor_is_one_line_and_counts_for_each_pod()
    {
        PodCoverage second = Captured with { Pod = Other("q") };
        Become(Captured, second);
        Look(Example.Status with
        {
            Pods = [Captured, second],
            Sensor = new SensorStatus(SensorState.Missing, SensorReads.Sniff, [], "sensor pod a/zeek is not ready"),
        });
        Assert.That(Lines.Skip(2), Is.EqualTo(new[]
        {
            "Scope changed: 2 captured pods, sensor none, policy 0123456789ab: sensor 10.0.0.9:4789 on veth9 -> none",
        }));
        Assert.That(Counts, Is.EqualTo((2, 0, 2)));
    }

    [Test]
    public void A_pod_that_flaps_writes_few_lines_which_add_up_to_the_exact_count()
    {
        for (int i = 0; i < 300; i++)
        {
            // Under another UID each time, as when it is deleted and made again.
            PodCoverage again = Captured with { Pod = Captured.Pod with { Uid = $"u{i}" } };
            if (i % 2 == 0) Become(again);
            else Become();
        }

        Assert.That(Counts, Is.EqualTo((150, 150, 0)));
        Assert.That(Lines, Has.Length.InRange(11, 16), "in five minutes");
        for (int i = 0; i < 61; i++) Become();
        Assert.That(Lines.Sum(line => line.EndsWith(" times since its last line)", StringComparison.Ordinal)
            ? int.Parse(line.Split(' ')[^6], null) : 1), Is.EqualTo(300));
        Become(Captured with { Pod = Other("quiet") });
        Assert.That(Lines.Last(), Does.StartWith("Scope added: pod a/quiet "), "others are not damped");
    }

    [Test]
    public void The_end_takes_every_pod_out_of_the_scope_and_holds_nothing_back()
    {
        for (int i = 0; i < 20; i++) Become(i % 2 == 0 ? [Captured] : []);
        Become(Captured);
        _audit.End();
        _audit.End();
        Assert.That(Lines.Last(), Does.StartWith("Scope removed: pod a/p ").And.Contain(": the agent ends (changed "));
        Assert.That(Counts, Is.EqualTo((11, 11, 0)));
    }

    private string[] Lines => [.. _lines.All.Select(line => line.Text)];

    /// <summary>Without what is the same in all.</summary>
    private string[] Reasons => [.. Lines.Select(line => $"{line.Split(' ', ':')[1]}{line[line.IndexOf(": ", line.IndexOf(
        ", policy ", StringComparison.Ordinal), StringComparison.Ordinal)..]}")];

    private (long Added, long Removed, long Changed) Counts =>
        (_audit.Count(ScopeChange.Added), _audit.Count(ScopeChange.Removed), _audit.Count(ScopeChange.Changed));

    private static Pod Other(string name) => Captured.Pod with { Name = name, Uid = $"u-{name}" };

    private static Pod Labelled(string app) =>
        Captured.Pod with { Labels = ImmutableDictionary<string, string>.Empty.Add("app", app) };

    private void Become(params PodCoverage[] pods) => Look(Example.Status with { Pods = [.. pods] });

    private void Look(AgentStatus status)
    {
        _audit.Look(status,
            [new Namespace { Uid = "n-a", Name = "a", Labels = ImmutableDictionary<string, string>.Empty.Add("mirror", _namespace) }]);
        _clock.Advance(TimeSpan.FromSeconds(1));
    }
}
