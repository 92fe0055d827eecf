using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Judging;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>Sensors that move, die, or are none.</summary>
internal sealed class SensorTests : ClusterTests
{
    [Test]
    public void A_tenant_that_calls_itself_sensor_gets_nothing()
    {
        string said = Sniffer.Listen(SuitePods.Rogue, packets: 1, seconds: 6);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(said, Is.Empty);
            Assert.That(Agent.Endpoints, Has.None.EqualTo(SuitePods.Rogue.Ip));
        }
    }

    [Test]
    public void Sensor_rescheduled()
    {
        RunningPod old = Bed.Sensor;
        string oldAddress = old.Ip;
        old.Delete("--wait=false");
        Wait.Until(60, () => Bed.Sensor == old ? "the old sensor is still ready" : null);
        string address = Bed.Sensor.Ip;
        Wait.Until(10, () => Agent.Endpoints is [var only] && only == address
            ? null
            : $"it sends to {string.Join(", ", Agent.Endpoints)}, the sensor is {address}");
        if (Bed.Scripts is null || address == oldAddress) return;
        string toOld = Sniffer.DuringWebRequests(Bed.Scripts.StartSh(
            Bed.Node, "timeout", "5", "tcpdump", "-i", "any", "-nn", "-l", $"udp port 4789 and dst host {oldAddress}"));
        Assert.That(toOld, Does.Not.Contain(oldAddress), "frames still go to the old address");
    }

    [Test]
    public void Sensor_killed_for_memory()
    {
        RunningPod sensor = Bed.Sensor;
        sensor.Exec("touch", "/tmp/oom");
        Wait.Until(30, () =>
        {
            JsonNode container = Kubectl.Get("pod", "-n", sensor.Namespace, sensor.Name)["status"]!["containerStatuses"]![0]!;
            return (int)container["restartCount"]! > 0 && (string?)container["lastState"]?["terminated"]?["reason"] == "OOMKilled"
                ? null
                : $"the sensor was not killed: {container.ToJsonString()}";
        });
    }
}
