using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>The policy changes while the agent runs.</summary>
internal sealed class PolicyTests : ClusterTests
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
}
