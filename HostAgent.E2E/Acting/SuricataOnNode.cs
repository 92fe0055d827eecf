using System.Text.Json.Nodes;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>
/// The agent with the overlay deploy/suricata, whose sensor stands in the place of the suite's. Disposed of, all is as it was.
/// </summary>
internal sealed class SuricataOnNode : IDisposable
{
    private readonly TestBed _bed;

    public SuricataOnNode(TestBed bed)
    {
        _bed = bed;
        try
        {
            // Sensors on one node share the flows; this one is to have all of them.
            SuitePods.ScaleSensor(0);
            bed.Deployment.Overlay("suricata");
            CommandResult ready = Kubectl.RolledOut(SuitePods.Sensors, "daemonset/suricata", seconds: 180);
            Assert.That(ready.Succeeded, $"Suricata does not become ready: {ready.LastWords}");
            Pod = RunningPod.Ready(bed.Node, SuitePods.Sensors, "app.kubernetes.io/name=suricata")! with { Container = "suricata" };
            Wait.Until(30, () => bed.Agent.Endpoints is [var only] && only == Pod.Ip
                ? null
                : $"endpoints: {string.Join(", ", bed.Agent.Endpoints)}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public RunningPod Pod { get; }

    public IEnumerable<JsonNode> Events => EventsOf(Pod);

    /// <summary>What a Suricata has written to its log so far.</summary>
    public static IEnumerable<JsonNode> EventsOf(RunningPod suricata) => suricata.Exec("cat", "/logs/eve.json")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!);

    public void Dispose()
    {
        Kubectl.Run(
            "delete", "-n", SuitePods.Sensors, "daemonset/suricata", "configmap/suricata", "configmap/suricata-pods", "--ignore-not-found");
        SuitePods.ScaleSensor(1);
        _bed.Deployment.Reset();
    }
}
