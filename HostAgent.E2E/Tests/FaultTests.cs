using System.Diagnostics;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>The agent and what it depends on are killed, cut off and set back.</summary>
internal sealed class FaultTests : ClusterTests
{
    [Test]
    public void Agent_killed()
    {
        RunningPod old = Agent.Pod;
        old.Delete("--grace-period=0", "--force");
        Wait.Until(60, () => Agent.Pod == old ? "the old agent is still ready" : null);
    }

    [Test, Needs("CLUSTER=DIR")]
    public void Agent_killed_with_9()
    {
        int before = Bed.Deployment.Restarts;
        string container = (string)Kubectl.Get("pod", "-n", AgentDeployment.Namespace, Agent.Pod.Name)["status"]!
            ["containerStatuses"]![0]!["containerID"]!;
        using (var process = Process.GetProcessById(Bed.Scripts!.Process(Bed.Node, container))) process.Kill();
        Wait.Until(60, () => Bed.Deployment.Restarts > before && Agent.ReadyPod is not null ? null : "it is not restarted");
    }

    [Test, Needs("CLUSTER=DIR")]
    public void API_server_away_for_two_minutes()
    {
        string[] captured = Agent.CapturedPods;
        Bed.Components.Kill(Components.ApiServer);
        try
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(2); Wait.For(TimeSpan.FromSeconds(5)))
            {
                Assert.That(Agent.CapturedPods, Is.EqualTo(captured), "coverage changed without the API server");
                Assert.That(() => Agent.Ask("/readyz"), Throws.Nothing, "ready without the API server");
            }

            Assert.That(
                Agent.Warnings,
                Has.Some.Contains("no connection to the API server").Or.Some.Contains("nothing was heard from the API server"));
        }
        finally
        {
            Bed.Components.StartApiServer();
        }
    }

    /// <summary>The watch's place in history is gone (410): a pod ended while nobody told, and etcd forgot.</summary>
    [Test, Needs("CLUSTER=DIR")]
    public void History_compacted_under_the_watch()
    {
        RunningPod gone = SuitePods.Run(Bed, SuitePods.InScope, "e2e-gone", "sleep", "infinity");
        double before;
        try
        {
            AssertCaptured(gone);
            before = WatchRestarts();
        }
        finally
        {
            gone.Delete("--wait=false");
        }

        Bed.Components.Kill(Components.ApiServer);
        try
        {
            Bed.Components.CompactHistory();
        }
        finally
        {
            Bed.Components.StartApiServer();
        }

        Wait.Until(60, () => WatchRestarts() > before ? null : "the watch was not restarted");
    }

    [Test, Needs("CLUSTER=DIR")]
    public void Kubelet_restarted()
    {
        string kubelet = $"kubelet-{Bed.Node}";
        Bed.Components.Kill(kubelet);
        Wait.For(TimeSpan.FromSeconds(2));
        Bed.Components.Start(kubelet);
        Wait.Until(60, () => Kubectl.IsReady(Kubectl.Get("node", Bed.Node)) ? null : "the node does not become ready");
    }

    [Test, Needs("CLUSTER=DIR"), Needs("CLOCK=1")]
    public void Clock_set_ahead_and_back()
    {
        string[] captured = Agent.CapturedPods;
        using (new MachineClock(TimeSpan.FromMinutes(30))) Judgement.AssertRight();
        Assert.That(Agent.CapturedPods, Is.EqualTo(captured), "coverage changed with the clock");
    }

    /// <summary>600 s is the shortest life of a token; the kubelet replaces it after 480.</summary>
    [Test, Needs("LONG=1")]
    public void Token_expired_and_rotated()
    {
        try
        {
            Kubectl.Run("patch", "daemonset", "-n", AgentDeployment.Namespace, "host-agent", "--type=json", "-p", """
                [
                {"op": "replace", "path": "/spec/template/spec/automountServiceAccountToken", "value": false},
                {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "token", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}},
                {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-", "value": {"name": "token",
                    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}}
                ]
                """);
            Bed.Deployment.AssertRolledOut();
            Wait.For(TimeSpan.FromSeconds(800));
            RunningPod late = SuitePods.Run(Bed, SuitePods.InScope, "late", "sleep", "infinity");
            try
            {
                AssertCaptured(late);
            }
            finally
            {
                late.Delete();
            }
        }
        finally
        {
            Bed.Deployment.Reset();
        }
    }

    private static void AssertCaptured(RunningPod pod) =>
        Wait.Until(60, () => Agent.CapturedPods.Contains($"{pod}") ? null : $"{pod} is not captured");

    private static double WatchRestarts() => Agent.Samples("hostagent_watch_restarts_total").Sum(s => s.Value);
}
