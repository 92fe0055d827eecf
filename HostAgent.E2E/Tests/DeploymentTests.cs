using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>The manifest and its overlays.</summary>
internal sealed class DeploymentTests : ClusterTests
{
    // Exit codes of curl(1).
    private const int CurlRefused = 7;
    private const int CurlTimedOut = 28;

    [Test]
    public void Deployed_as_it_is_with_no_capability_but_NET_RAW()
    {
        JsonNode pod = Kubectl.Get("pod", "-n", AgentDeployment.Namespace, Agent.Pod.Name);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                pod["spec"]!["containers"]![0]!["securityContext"]!["capabilities"]!["add"]!.ToJsonString(), Is.EqualTo("[\"NET_RAW\"]"));
            Assert.That(Agent.Check()["pods"]!.AsArray(), Is.Not.Empty, "check, inside the pod");
        }
    }

    [Test]
    public void Least_privilege_works()
    {
        try
        {
            Bed.Deployment.Overlay("minimal");
            Judgement.AssertRight();
            Assert.That(
                Agent.AskFromNetwork("/metrics").Code, Is.AnyOf(CurlRefused, CurlTimedOut), "what curl says of the node's address");
        }
        finally
        {
            Bed.Deployment.Reset();
        }
    }

    /// <summary>
    /// A pod whose link no other lookup finds is in make test. Here: the overlay is admitted, mounts what it needs, and changes nothing
    /// for the others.
    /// </summary>
    [Test]
    public void Lookup_in_network_namespaces_works()
    {
        try
        {
            Bed.Deployment.Overlay("netns");
            Judgement.AssertRight();
            JsonNode check = Agent.Check();
            using (Assert.EnterMultipleScope())
            {
                Assert.That(
                    check["pods"]!.AsArray().Select(p => (string)p!["state"]!), Is.Not.Empty.And.None.EqualTo("unsupported"));
                Assert.That(check["warnings"]!.AsArray().Select(w => (string)w!), Has.None.Contains("network namespaces"));
            }
        }
        finally
        {
            Bed.Deployment.Reset();
        }
    }

    [Test]
    public void Only_accounts_with_the_right_scrape_over_TLS()
    {
        try
        {
            string reader = Kubectl.TokenOf(SuitePods.InScope, "e2e-scraper"), pod = Kubectl.TokenOf(SuitePods.InScope, "default");
            Kubectl.Run("create", "clusterrolebinding", "e2e-scraper", "--clusterrole=host-agent-metrics-reader",
                $"--serviceaccount={SuitePods.InScope}:e2e-scraper");
            // Until the API server's own authorizer has heard of the binding, and the agent forgotten what it was told before.
            Wait.Until(90, () => Agent.StatusFromNetwork("/metrics", reader) is var code and not "200" ? $"the scraper gets {code}" : null);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(Agent.AskFromNetwork("/metrics", "-H", $"Authorization: Bearer {reader}").Output.Split('\n'),
                    Has.Some.StartsWith("hostagent_frames_seen_total "));
                Assert.That(Agent.StatusFromNetwork("/status", reader), Is.EqualTo("403"));
                Assert.That(Agent.StatusFromNetwork("/metrics", pod), Is.EqualTo("403"));
                Assert.That(Agent.StatusFromNetwork("/metrics", "made-up"), Is.EqualTo("401"));
                Assert.That(Agent.StatusFromNetwork("/metrics", null), Is.EqualTo("401"));
                Assert.That(Agent.StatusFromNetwork("/livez", null), Is.EqualTo("200"));
            }
        }
        finally
        {
            Kubectl.Try("delete", "clusterrolebinding", "e2e-scraper");
            Kubectl.Try("delete", "serviceaccount", "-n", SuitePods.InScope, "e2e-scraper");
        }
    }
}
