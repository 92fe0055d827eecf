using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Governing;

/// <summary>The program itself under a load that its budget does not pay for.</summary>
[TestFixture]
[Parallelizable]
internal sealed class GovernorOnNodeTests
{
    private const string Budget = "60m";

    private const string Policy = $$$"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {{{AgentFiles.Selected}}}
        budget: {cpu: "{{{Budget}}}"}
        vni: 1
        defaults: {priority: low}
        rules:
        - {name: all, namespaceSelector: {matchLabels: {mirror: "on"} } }
        """;

    [Test]
    public async Task Over_its_budget_it_steps_down_says_so_and_comes_back_when_the_load_has_gone()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, ("shop", api), ("unscoped", db), ("security", sensor));
        await agent.ReadyAsync(1);
        agent.WritePolicyText(Policy);
        AgentReading ready = await agent.UntilAsync("the budget is in force", reading => reading.Status.Governor?.BudgetCpu == Budget);
        Assert.That(ready.Status.Pods.Single(pod => pod.Name == "api").Priority, Is.EqualTo("low"));

        using var stop = new CancellationTokenSource();
        Task<long>[] flows = [.. Enumerable.Range(0, 24).Select(_ => Task.Run(
            () => SmallUdp.RunAsync(api, db, db.Ipv4, 1500, long.MaxValue, 64, stop.Token)))];
        AgentReading down = await agent.UntilAsync("a step down", reading => reading.Status.Governor!.Level > 0);
        Assert.That(down.Status.Governor!.Reason, Does.Match("^the agent uses [0-9]+m of a CPU budget of 60m \\(policy\\)$"));
        Assert.That(down.Status.Governor.Since, Does.Match("^20[0-9-]+T[0-9:]+Z$"));
        Assert.That(down.Status.Pods.Single(pod => pod.Name == "api").Effective?.Sample, Is.EqualTo("1/8"));
        Assert.That(down.Status.Warnings, Has.Some.StartsWith("the governor is at level ").And.Contains("raise its budget"));
        Assert.That(await agent.MetricAsync("hostagent_governor_level"), Is.GreaterThanOrEqualTo(1));
        Assert.That(await agent.MetricAsync("hostagent_governor_steps_total{direction=\"down\"}"), Is.GreaterThanOrEqualTo(1));
        Assert.That(agent.Log, Does.Contain("Governor steps down from full to sample-low"));
        AgentReading sampled = await agent.UntilAsync(
            "flows are left out", reading => reading.Ledger.Losses["sample"] > down.Ledger.Losses["sample"] + 1000);
        Assert.That(sampled.Ledger.Delivered, Is.GreaterThan(0));

        await stop.CancelAsync();
        await Task.WhenAll(flows);
        AgentReading back = await agent.CalmAsync("all is mirrored again", reading => reading.Status.Governor!.Level == 0);
        Assert.That(back.Status.Warnings, Has.None.Contains("governor"));
        Assert.That(back.Status.Pods.Single(pod => pod.Name == "api").Effective, Is.Null);
        Assert.That(await agent.MetricAsync("hostagent_governor_steps_total{direction=\"up\"}"), Is.GreaterThanOrEqualTo(1));
        AgentReading end = await agent.SettledAsync();
        Assert.That(end.Lost - end.Ledger.Losses["sample"] - end.Ledger.Losses["overload"], Is.Zero, end.LossesInWords);
    }
}
