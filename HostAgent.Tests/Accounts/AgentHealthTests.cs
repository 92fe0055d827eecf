using HostAgent.Accounts;

namespace HostAgent.Tests.Accounts;

public sealed class AgentHealthTests
{
    [Test]
    public void A_part_that_stops_beating_is_named_and_recovers()
    {
        var clock = new Clock();
        var health = new AgentHealth(clock);
        Assert.That(health.Live.Ok, Is.False, "nothing runs yet");
        Heartbeat capture = health.AddHeartbeat("capture 0", TimeSpan.FromSeconds(10));
        Heartbeat reconciler = health.AddHeartbeat("reconciler", TimeSpan.FromSeconds(30));
        Assert.That(health.Live, Is.EqualTo(new HealthReport(true, "[+] capture 0\n[+] reconciler\n")));
        clock.Advance(TimeSpan.FromSeconds(12));
        Assert.That(health.Live, Is.EqualTo(new HealthReport(false, "[-] capture 0: no progress for 12 s\n[+] reconciler\n")));
        capture.Beat();
        Assert.That(health.Live.Ok, Is.True);
        clock.Advance(TimeSpan.FromSeconds(9));
        reconciler.Beat();
        Assert.That(health.Live.Ok, Is.True);
    }

    [Test]
    public void Ready_when_every_milestone_is_reached()
    {
        var health = new AgentHealth();
        Assert.That(health.Ready.Ok, Is.False);
        Milestone pods = health.AddMilestone("pods listed");
        Milestone matched = health.AddMilestone("first matching done");
        pods.Reach();
        Assert.That(health.Ready, Is.EqualTo(new HealthReport(false, "[+] pods listed\n[-] first matching done\n")));
        matched.Reach();
        Assert.That(health.Ready.Ok, Is.True);
    }

    private sealed class Clock : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }
}
