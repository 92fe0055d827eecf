using System.Text.Json;
using HostAgent.Deciding;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>The audit as a log collector gets it from the program itself: one JSON object a change.</summary>
[TestFixture]
[Parallelizable]
internal sealed class AuditOnNodeTests
{
    [Test]
    public async Task Each_change_of_scope_is_one_json_object_with_its_fields()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(
            node, AgentFiles.Selected, ["env", "HOSTAGENT_LOG=json"], [("shop", api), ("security", sensor)]);
        AgentReading ready = await agent.ReadyAsync(1);
        agent.WritePods(("unscoped", api), ("security", sensor));
        await agent.UntilAsync("the pod is not captured", reading => !reading.Captured.Any());
        agent.WritePods(("shop", api), ("security", sensor));
        await agent.ReadyAsync(1);
        Assert.That(await agent.EndAsync(), Is.Zero);

        JsonElement[] lines = [.. agent.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("Category").GetString() == ScopeAudit.Category)];
        Assert.That(lines.Select(line => Field(line, "Change")), Is.EqualTo(new[] { "added", "removed", "added", "removed" }), agent.Log);
        Assert.That(lines.Select(line => line.GetProperty("EventId").GetInt32()), Is.All.EqualTo(ScopeAudit.PodEvent.Id));
        Assert.That(
            ((string[])["Namespace", "Pod", "Uid", "Rule", "Vni", "Links", "PolicyRevision"]).Select(name => Field(lines[0], name)),
            Is.EqualTo(new[]
            {
                "shop", "api", ready.Captured.Single().Uid, "all", $"{AgentOnNode.Vni}", api.HostLink, ready.Status.PolicyRevision,
            }));
        Assert.That(Field(lines[0], "Sensor"), Does.Contain($"{sensor.Ipv4}:4789 on {sensor.HostLink}").Or.EqualTo("none"));
        Assert.That(Field(lines[^1], "Reason"), Is.EqualTo("the agent ends"));
    }

    private static string? Field(JsonElement line, string name) => line.GetProperty("State").GetProperty(name).ToString();
}
