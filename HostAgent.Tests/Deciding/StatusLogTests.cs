using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using HostAgent.Tests.Observability;

namespace HostAgent.Tests.Deciding;

/// <summary>A line for what changes, in the words of /status, and few for what changes all the time.</summary>
public sealed class StatusLogTests
{
    private static readonly AgentStatus Nothing =
        Example.Status with { Pods = [], Sensor = new SensorStatus(SensorState.Missing, SensorReads.Sniff, [], "starting") };
    private static readonly SensorStatus Missing = new(SensorState.Missing, SensorReads.Sniff, [], "sensor pod a/zeek is not ready");

    private readonly HandClock _clock = new();
    private LogLines<StatusLog> _lines = null!;
    private StatusLog _log = null!;
    private AgentStatus _status = Nothing;

    [SetUp]
    public void Begin()
    {
        _status = Nothing;
        _lines = new LogLines<StatusLog>();
        _log = new StatusLog(_lines, _clock);
    }

    [Test]
    public void Each_line_speaks_as_status_does_and_has_no_gap()
    {
        Become(Example.Status);
        Become(Example.Status with { Sensor = Missing });
        Become(Example.Status with { Sensor = Example.Status.Sensor with { Reason = "sensor pod a/other is not ready" } });
        Become(Example.Status with
        {
            Sensor = Missing with { State = SensorState.Refused },
            Pods = Example.Status.Pods.RemoveAt(0),
            PolicyRevision = "ba9876543210",
        });
        Assert.That(Lines, Is.EqualTo(new[]
        {
            "Sensor ready: 10.0.0.9 port 4789 on veth9",
            "Pod a/p captured: rule payments, veth1 by route",
            "Pod a/q pending: rule payments, it has no address yet",
            "Pod b/h unsupported: rule rest, it is on the host's network",
            "Sensor missing: sensor pod a/zeek is not ready",
            "Sensor ready: 10.0.0.9 port 4789 on veth9; sensor pod a/other is not ready",
            "Policy ba9876543210 is in force",
            "Sensor refused: sensor pod a/zeek is not ready",
            "Pod a/p has left the node",
        }));
    }

    [Test]
    public void What_leaves_the_scope_says_why()
    {
        Become(Example.Status);
        Become(Example.Status with
        {
            Pods = [.. Example.Status.Pods.Select(
                pod => pod with { Rule = null, State = PodState.NotSelected, Reason = "no rule selects it", Links = [] })],
        });
        Assert.That(Lines.TakeLast(3), Is.EqualTo(new[]
        {
            "Pod a/p not-selected: no rule selects it",
            "Pod a/q not-selected: no rule selects it",
            "Pod b/h not-selected: no rule selects it",
        }));
    }

    [Test]
    public void A_sensor_that_flaps_each_second_writes_a_line_now_and_then_which_says_how_often()
    {
        Flap(20, Example.Status, Example.Status with { Sensor = Missing });
        Assert.That(Sensors, Has.Length.InRange(5, 7), "in 20 s");
        Assert.That(Sensors.Last(), Does.EndWith(" (changed 10 times since its last line)"));
        Flap(3600, Example.Status, Example.Status with { Sensor = Missing });
        Assert.That(Sensors, Has.Length.InRange(12, 20), "in an hour");
        AgentStatus last = _status;
        for (int i = 0; i < 61; i++) Become(last);
        int lines = Sensors.Length;
        Assert.That(Sensors.Last(), Does.Contain($"Sensor {last.Sensor.State.Name()}: ").And.Contain("changed"),
            "what it came to is said, soon");
        for (int i = 0; i < 1000; i++) Become(last);
        Assert.That(Sensors, Has.Length.EqualTo(lines));
    }

    [Test]
    public void After_a_quiet_minute_a_change_is_said_at_once_again()
    {
        Flap(20, Example.Status, Example.Status with { Sensor = Missing });
        Become(Example.Status with { Sensor = Missing });
        for (int i = 0; i < 130; i++) Become(_status);
        int lines = Sensors.Length;
        Become(Example.Status);
        Assert.That(Sensors, Has.Length.EqualTo(lines + 1));
        Assert.That(Sensors.Last(), Is.EqualTo("Sensor ready: 10.0.0.9 port 4789 on veth9"));
    }

    [Test]
    public void A_pod_that_comes_and_goes_is_damped_and_the_others_are_not()
    {
        AgentStatus without = Example.Status with { Pods = Example.Status.Pods.RemoveAt(0) };
        Flap(20, Example.Status, without);
        Assert.That(Lines.Count(line => line.StartsWith("Pod a/p ", StringComparison.Ordinal)), Is.InRange(5, 7));
        Become(without with { Pods = without.Pods.RemoveAt(0) });
        Assert.That(Lines.Last(), Is.EqualTo("Pod a/q has left the node"));
        for (int i = 0; i < 61; i++) Become(_status);
        Assert.That(Lines.Last(), Does.StartWith("Pod a/p has left the node (changed "), "what it came to, though it is gone");
    }

    private string[] Lines => [.. _lines.All.Select(line => line.Text)];

    private string[] Sensors => [.. Lines.Where(line => line.StartsWith("Sensor ", StringComparison.Ordinal))];

    private void Flap(int seconds, AgentStatus one, AgentStatus other)
    {
        for (int i = 0; i < seconds; i++) Become(i % 2 == 0 ? one : other);
    }

    private void Become(AgentStatus status)
    {
        _log.Log(_status, status);
        _status = status;
        _clock.Advance(TimeSpan.FromSeconds(1));
    }
}
