using HostAgent.E2E.Acting;
using HostAgent.E2E.Judging;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>More traffic than the agent may carry, and what the agent itself asks of the API server.</summary>
internal sealed class LoadTests : ClusterTests
{
    [Test]
    public void Eleven_pods_of_which_one_floods()
    {
        using var quiet = new IdlePods(Bed, "quiet", 10);
        RunningPod sink = SuitePods.Run(Bed, SuitePods.OutOfScope, "sink", "iperf3", "-s");
        var senders = new List<Command>();
        try
        {
            quiet.AssertRolledOut(seconds: 120);
            Kubectl.Run("wait", "pod", "--for=condition=Ready", "-n", sink.Namespace, sink.Name, "--timeout=60s");
            Judgement.AssertCoverage();
            string to = sink.Ip;
            // Not connected: nobody listens, and a refusal would end it.
            senders.AddRange(quiet.All.Select(p => p.StartExec(
                "timeout", "25", "sh", "-c", $"while :; do echo quiet; sleep 0.02; done | socat -u - UDP-SENDTO:{to}:9")));
            senders.Add(SuitePods.Client.StartExec("iperf3", "-c", to, "-t", "16", "-P", "16"));
            // Its first moment may overflow the ring; what comes after may not.
            Wait.For(TimeSpan.FromSeconds(6));
            double seen = Seen(), overload = Lost("overload"), ring = Lost("kernel_ring");
            Wait.For(TimeSpan.FromSeconds(8));
            (seen, overload, ring) = (Seen() - seen, Lost("overload") - overload, Lost("kernel_ring") - ring);
            senders.ForEach(s => s.Wait(Interruption.Token));
            (double frames, double lost) = (OfQuietPods("hostagent_pod_frames_total"), OfQuietPods("hostagent_pod_frames_lost_total"));
            TestContext.Out.WriteLine($"in 8 s of a flood: {seen} frames seen, {overload} given up, {ring} lost in the ring; "
                + $"of ten quiet pods {lost} of {frames} frames lost");
            using (Assert.EnterMultipleScope())
            {
                Assert.That(frames, Is.GreaterThan(200), "the quiet pods are hardly seen");
                Assert.That(lost, Is.Zero, "a quiet pod lost frames");
                Assert.That(ring * 100, Is.LessThanOrEqualTo(seen), "the ring overflows");
            }
        }
        finally
        {
            senders.ForEach(s => s.Dispose());
            sink.Delete("--wait=false");
        }
    }

    [Test]
    public void Memory_limit_under_a_flood_of_traffic()
    {
        int before = Bed.Deployment.Restarts;
        SuitePods.Client.Exec("iperf3", "-c", SuitePods.Server.Ip, "-t", "15", "-P", "4");
        Assert.That(Bed.Deployment.Restarts, Is.EqualTo(before), "the agent was killed");
        TestContext.Out.WriteLine($"{Agent.Status["ledger"]!.ToJsonString()}, resident {Agent.Resident} MiB");
    }

    [Test, Needs("CLUSTER=DIR")]
    public void What_it_costs_the_API_server()
    {
        long idle = ApiTraffic.Bytes(Bed);
        Wait.For(TimeSpan.FromMinutes(1));
        idle = ApiTraffic.Bytes(Bed) - idle;
        long churn = ApiTraffic.Bytes(Bed);
        using (var pods = new IdlePods(Bed, "churn", 10)) pods.AssertRolledOut(seconds: 120);
        churn = ApiTraffic.Bytes(Bed) - churn;
        TestContext.Out.WriteLine(
            $"to and from the API server: {idle} bytes in a minute without change, {churn} bytes for 10 pods made and deleted");
        Assert.That(idle, Is.InRange(0, 199_999), "bytes in an idle minute");
    }

    private static double Seen() => Agent.Metric("hostagent_frames_seen_total");

    private static double Lost(string reason) => Agent.Metric($"hostagent_frames_lost_total{{reason=\"{reason}\"}}");

    private static double OfQuietPods(string metric) =>
        Agent.Samples(metric).Where(s => s.Line.Contains("pod=\"quiet-", StringComparison.Ordinal)).Sum(s => s.Value);
}
