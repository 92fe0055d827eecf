using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>Whatever a node goes through, at random and all at once, and what must not grow meanwhile.</summary>
internal sealed partial class SoakTests : ClusterTests
{
    [Test, Needs("SOAK=MINUTES")]
    public void Everything_at_once_for_long()
    {
        int restarts = Bed.Deployment.Restarts;
        // Of tests before this one.
        string[] errors = LoggedErrors();
        using (var warmUp = new SoakActs(Bed))
        {
            // The first acts compile what the others will use.
            foreach (int act in new[] { 0, 3, 4, 5, 6, 0, 3, 4, 5 })
            {
                warmUp.Do(act);
                Wait.For(TimeSpan.FromSeconds(5));
            }
        }

        (long Memory, double Descriptors) before = Holds();
        int acts = 0;
        using (var soak = new SoakActs(Bed))
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < Settings.Soak;)
            {
                soak.Do(Random.Shared.Next(SoakActs.Count));
                Wait.For(TimeSpan.FromSeconds(Random.Shared.Next(8)));
                if (++acts % 25 == 0)
                    TestContext.Progress.WriteLine($"after {acts} acts: {Agent.Resident} MiB, {Agent.Status["ledger"]!.ToJsonString()}");
            }
        }

        (long Memory, double Descriptors) after = Holds();
        JsonNode ledger = Agent.Status["ledger"]!;
        TestContext.Out.WriteLine($"{acts} acts in {Settings.Soak.TotalMinutes} minutes: {before.Memory} MiB and {before.Descriptors} "
            + $"descriptors before, {after.Memory} and {after.Descriptors} after; {ledger.ToJsonString()}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Bed.Deployment.Restarts, Is.EqualTo(restarts), "the agent was restarted");
            Assert.That(after.Memory, Is.LessThanOrEqualTo(before.Memory * 5 / 4), "its memory grew");
            Assert.That(after.Descriptors, Is.LessThanOrEqualTo(before.Descriptors + 20), "its descriptors grew in number");
            Assert.That((long?)ledger["losses"]!["fault"] ?? 0, Is.Zero);
            Assert.That((long?)ledger["losses"]!["malformed"] ?? 0, Is.Zero);
            Assert.That(LoggedErrors().Except(errors), Is.Empty, "errors in its log");
        }
    }

    /// <summary>
    /// What an agent that has nothing to do holds, a while after it had: MiB and descriptors. An assembly that was loaded holds two.
    /// </summary>
    private static (long Memory, double Descriptors) Holds()
    {
        Wait.For(TimeSpan.FromSeconds(20));
        return (Agent.Resident, Agent.Metric("process_open_fds"));
    }

    private static string[] LoggedErrors() =>
        [.. Kubectl.Run("logs", "-n", AgentDeployment.Namespace, Agent.Pod.Name).Split('\n').Where(line => ErrorLine().IsMatch(line))];

    [GeneratedRegex("\"LogLevel\":\"(Error|Critical)\"|Z (fail|crit): ")]
    private static partial Regex ErrorLine();
}
