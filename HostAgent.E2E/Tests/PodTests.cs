using System.Globalization;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>Pods come, go, and fall in and out of scope.</summary>
internal sealed class PodTests : ClusterTests
{
    [Test]
    public void Namespace_relabelled()
    {
        SuitePods.Label(mirrored: false);
        try
        {
            Wait.Until(10, () => Agent.MetricIsNot("hostagent_pods{state=\"captured\"}", 0));
        }
        finally
        {
            SuitePods.Label(mirrored: true);
        }
    }

    [Test]
    public void Pod_flood()
    {
        using var flood = new IdlePods(Bed, "flood", 30);
        flood.AssertRolledOut(seconds: 180);
        Judgement.AssertCoverage();
    }

    [Test]
    public void Full_node()
    {
        string capacity = (string)Kubectl.Get("node", Bed.Node)["status"]!["allocatable"]!["pods"]!;
        int there = Kubectl.List("pods", "-A", "--field-selector", $"spec.nodeName={Bed.Node}").Length;
        using var full = new IdlePods(Bed, "full", int.Parse(capacity, CultureInfo.InvariantCulture) - there);
        full.AssertRolledOut(seconds: 400);
        Judgement.AssertRight();
        TestContext.Out.WriteLine(
            $"{Agent.Status["pods"]!.AsArray().Count} pods, resident {Agent.Resident} MiB, CPU {IdleCpu():P2} of a core idle");
    }

    private static double IdleCpu()
    {
        double before = Agent.Metric("process_cpu_seconds_total");
        Wait.For(TimeSpan.FromSeconds(20));
        return (Agent.Metric("process_cpu_seconds_total") - before) / 20;
    }
}
