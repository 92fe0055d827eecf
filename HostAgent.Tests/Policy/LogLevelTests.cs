using System.Text;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Policy;

/// <summary>The policy's <c>log</c>: what it may say, and what the agent makes of it while it runs.</summary>
internal sealed class LogLevelTests
{
    [TestCase("", LogLevel.Information)]
    [TestCase("log: {level: debug}", LogLevel.Debug)]
    [TestCase("log: {level: info}", LogLevel.Information)]
    [TestCase("log: {level: warning}", LogLevel.Warning)]
    [TestCase("log: {level: error}", LogLevel.Error)]
    public void Levels(string text, LogLevel level) => Assert.That(Read(text).Policy?.LogLevel, Is.EqualTo(level));

    [TestCase("log:", "log: must be a mapping with level")]
    [TestCase("log: debug", "log: must be a mapping with level")]
    [TestCase("log: {}", "log.level: is missing; say from which level on the agent logs")]
    [TestCase("log: {level: warn}", "log.level: must be debug or info or warning or error, is \"warn\"")]
    [TestCase("log: {level: info, format: json}", "log.format: unknown key")]
    public void Errors(string text, string error) => Assert.That(Read(text).Errors.Single().In("p"), Does.Contain(error));

    [Test]
    public async Task It_changes_while_the_agent_runs_and_the_audit_goes_on()
    {
        using NodeNetwork node = TestNode.Create();
        using var folder = new TemporaryDirectory();
        PodNetwork pod = node.AddRouted("a"), sensor = node.AddRouted("s");
        var files = new AgentFiles(folder.Path, "n");
        void Write(string level, uint vni) =>
            files.WritePolicy($"log: {{level: {level}}}\n" + AgentFiles.PolicyOf($"{{address: {sensor.Ipv4}}}", vni));
        Write("warning", 1);
        files.WriteCluster(("a", pod));
        await using var agent = new AgentProcess(node.Namespace, AgentProgram.Command, files);
        await agent.ReadyAsync(1, TimeSpan.FromSeconds(30), default);
        await Eventually.ThatAsync(() => agent.Log.Contains("HostAgent.Audit", StringComparison.Ordinal), "the audit is logged");
        Assert.That(agent.Log.Split('\n'), Has.None.Contains(" info: HostAgent.Agent"));

        Write("info", 2);
        await Eventually.ThatAsync(() => agent.Log.Contains(" info: HostAgent.Policy", StringComparison.Ordinal), "the change is logged");
    }

    private static PolicyResult Read(string text) =>
        PolicyReader.Read(Encoding.UTF8.GetBytes(AgentFiles.PolicyOf("{address: 127.0.0.1}") + text));
}
