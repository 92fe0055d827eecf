using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>The policy changes while the agent runs.</summary>
internal sealed partial class PolicyTests : ClusterTests
{
    private const string Successful = "hostagent_policy_last_reload_successful";

    // The kubelet brings a changed ConfigMap to the node within about a minute.
    private const int UntilReloaded = 150;

    [Test]
    public void Policy_broken_and_mended()
    {
        string good = Bed.Deployment.Policy;
        string revision = Agent.Status["policyRevision"]!.ToJsonString();
        try
        {
            string broken = good.Replace("sniff ", "snif ");
            Assert.That(broken, Is.Not.EqualTo(good));
            Bed.Deployment.Policy = broken;
            Wait.Until(UntilReloaded, () => Agent.MetricIsNot(Successful, 0));
            using (Assert.EnterMultipleScope())
            {
                Assert.That(Agent.Status["policyRevision"]!.ToJsonString(), Is.EqualTo(revision), "the broken policy is in force");
                Assert.That(Judgement.CoverageDiffers(), Is.Null);
            }
        }
        finally
        {
            Bed.Deployment.Policy = good;
        }

        Wait.Until(UntilReloaded, () => Agent.MetricIsNot(Successful, 1));
    }

    [Test]
    public void Segments_from_wire_to_link_under_load()
    {
        string good = Bed.Deployment.Policy;
        // A sniffer on the host, whose loopback has room for whole super-frames.
        string wire = SensorSelector().Replace(good, "address: 127.0.0.1\n");
        string link = wire.Replace("reads: sniff", "segments: link\n  reads: sniff");
        Assert.That(new[] { good, wire, link }, Is.Unique);
        using Command load = SuitePods.Client.StartExec("iperf3", "-c", SuitePods.Server.Ip, "-b", "100M", "-t", $"{3 * UntilReloaded}");
        try
        {
            Put(wire);
            JsonNode before = Ledger();
            Assert.That((long)before["segmentsMerged"]!, Is.Zero, "merged without being asked to");
            Put(link);
            Wait.Until(10, () => (long)Ledger()["segmentsMerged"]! > 1000 ? null : "segments are not merged");
            JsonNode after = Ledger();
            TestContext.Out.WriteLine($"{before.ToJsonString()}\n    {after.ToJsonString()}");
            using (Assert.EnterMultipleScope())
            {
                Assert.That(load.HasExited, Is.False, "the load has ended");
                Assert.That(Lost(after), Is.EqualTo(Lost(before)), "frames were lost");
            }
        }
        finally
        {
            // It goes on in the pod when kubectl ends, and the server takes one at a time.
            SuitePods.Client.TryExec("pkill", "iperf3");
            Put(good);
        }
    }

    private static void Put(string policy)
    {
        Bed.Deployment.Policy = policy;
        string revision = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(policy)))[..12];
        Wait.Until(UntilReloaded, () => (string?)Agent.Status["policyRevision"] is var found && found == revision
            ? null
            : $"policy {found} is in force, not {revision}");
        Wait.Until(10, () => Agent.MetricIsNot("hostagent_sensor_up", 1));
    }

    private static JsonNode Ledger() => Agent.Status["ledger"]!;

    // Of a duplicate the sensor has the other copy.
    private static long Lost(JsonNode ledger) =>
        ledger["losses"]!.AsObject().Where(loss => loss.Key != "duplicate").Sum(loss => (long)loss.Value!);

    [GeneratedRegex(@"selector: \{[^\n]*\n *namespaces: [^\n]*\n")]
    private static partial Regex SensorSelector();
}
