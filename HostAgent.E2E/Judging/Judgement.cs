using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Judging;

/// <summary>
/// What every test ends with. The agent is there, captures exactly the pods that the API server says should be, delivers new frames
/// that a sensor sees with the right VNI, and its ledger balances.
/// </summary>
internal sealed class Judgement(TestBed bed)
{
    private readonly AgentOnNode _agent = bed.Agent;

    public void AssertRight()
    {
        Wait.Until(60, () => _agent.ReadyPod is null ? "no agent is ready" : null);
        Wait.Until(60, () => _agent.MetricIsNot("hostagent_sensor_up", 1));
        AssertCoverage();
        long before = _agent.Delivered;
        Wait.Until(20, SensorIsBlind);
        Assert.That(_agent.Delivered, Is.GreaterThan(before), "no frame was delivered");
        Wait.Until(20, Unbalanced);
    }

    /// <summary>Within 30 s the captured pods are those that should be.</summary>
    public void AssertCoverage() => Wait.Until(30, CoverageDiffers);

    /// <summary>How the agent's captured pods differ from those that the API server says should be; null when they do not.</summary>
    public string? CoverageDiffers()
    {
        (string[] wanted, string[] captured) = (WantedPods(), _agent.CapturedPods);
        if (wanted.Length == 0) return "no pod is wanted: the suite's own pods are missing";
        (string[] missing, string[] surplus) = ([.. wanted.Except(captured)], [.. captured.Except(wanted)]);
        return missing.Length + surplus.Length == 0 && wanted.Length == captured.Length
            ? null
            : $"coverage: not captured {Some(missing)}, captured without reason {Some(surplus)}";
    }

    private static string Some(string[] pods) => $"[{string.Join(", ", pods.Take(5))}]";

    private string? SensorIsBlind()
    {
        string client = SuitePods.Client.Ip;
        string said = Sniffer.Listen(bed.Sensor, packets: 10, seconds: 10);
        bool right = said.Contains("VXLAN, flags [I] (0x08), vni 1\n", StringComparison.Ordinal)
            && said.Contains(client, StringComparison.Ordinal);
        return right ? null : $"the sensor saw nothing of the client, {client}, in VXLAN with VNI 1: {said[..Math.Min(said.Length, 300)]}";
    }

    private string? Unbalanced()
    {
        JsonNode ledger = _agent.Status["ledger"]!;
        long seen = (long)ledger["seen"]!;
        long ended = (long)ledger["delivered"]! + ledger["losses"]!.AsObject().Sum(loss => (long)loss.Value!);
        return seen > 0 && (long)ledger["inFlight"]! == 0 && seen == ended ? null : $"ledger: {ledger.ToJsonString()}";
    }

    private string[] WantedPods()
    {
        string[] spaces = [.. Kubectl.List("namespaces", "-l", "mirror=on").Select(Kubectl.Name)];
        return [.. Kubectl.List("pods", "-A", "--field-selector", $"spec.nodeName={bed.Node}")
            .Where(p => spaces.Contains((string)p["metadata"]!["namespace"]!)
                && (bool?)p["spec"]!["hostNetwork"] != true
                && (string?)p["status"]!["phase"] == "Running"
                && p["status"]!["podIP"] is not null
                && p["metadata"]!["deletionTimestamp"] is null)
            .Select(p => $"{p["metadata"]!["namespace"]}/{Kubectl.Name(p)}")];
    }
}
