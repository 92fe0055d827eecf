using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>deploy/relay, applied as its own first lines say, with its pod on a given node; and what it says of itself.</summary>
internal sealed partial class RelayDeployment(TestBed bed, string node)
{
    // As service.yaml and policy.yaml have it, where a user writes one of the cluster's.
    private const string Address = "10.96.57.12";

    private const string Selector = "app.kubernetes.io/name=host-agent-relay";

    /// <summary>The relay itself.</summary>
    public RunningPod Pod => RunningPod.Ready(node, SuitePods.Sensors, Selector) is { } pod
        ? pod with { Container = "relay" }
        : throw new InvalidOperationException("the relay is not ready");

    /// <summary>How often its containers were started again.</summary>
    public int Restarts => Kubectl.List("pods", "-n", SuitePods.Sensors, "-l", Selector)
        .SelectMany(p => p["status"]?["containerStatuses"]?.AsArray() ?? []).Sum(c => (int)c!["restartCount"]!);

    /// <summary>What it has logged so far.</summary>
    public string Log => Kubectl.Run("logs", "-n", SuitePods.Sensors, Pod.Name, "-c", "relay");

    /// <summary>Its last account of the agent on the captured pods' node.</summary>
    public RelaySum Sum => SumIn(Log);

    /// <summary>Applies it over what is there, and waits until it runs. The two Secrets have to be there.</summary>
    public void Apply()
    {
        bed.Deployment.ApplyOverlay(Kubectl.Run("kustomize", "HostAgent.E2E/relay")
            .Replace(Address, FreeAddress()).Replace("IMAGE", bed.ToolsImage).Replace("RELAY-NODE", node));
        AssertRuns();
    }

    /// <summary>How many packets the sensor behind it has read.</summary>
    /// <param name="filter">Only these: pcap-filter(7).</param>
    public long Read(string filter = "") => long.Parse(
        (Pod with { Container = "zeek" }).Exec("sh", "-c", $"tcpdump -nr /logs/frames.pcap '{filter}' 2>/dev/null | wc -l"));

    /// <summary>Takes its pod away.</summary>
    /// <returns>Its last account.</returns>
    public RelaySum Stop()
    {
        RunningPod pod = Pod;
        using Command log = Command.Start("kubectl", "logs", "-f", "-n", pod.Namespace, pod.Name, "-c", "relay");
        Scale(0);
        return SumIn(log.Wait(Interruption.Token).Output);
    }

    /// <summary>Has it run again, in another pod.</summary>
    public void Start()
    {
        Scale(1);
        AssertRuns();
    }

    /// <summary>Sends its process a signal, as STOP.</summary>
    public void Signal(string signal)
    {
        RunningPod pod = Pod;
        JsonNode container = Kubectl.Get("pod", "-n", pod.Namespace, pod.Name)["status"]!["containerStatuses"]!.AsArray()
            .Single(c => (string?)c!["name"] == pod.Container)!;
        bed.Scripts!.Sh(node, "kill", $"-{signal}", $"{bed.Scripts.Process(node, (string)container["containerID"]!)}");
    }

    public void Delete() => Kubectl.Run(
        "delete", "-n", SuitePods.Sensors, "deployment/relay", "service/relay", "networkpolicy/relay", "secret/relay-tls",
        "--ignore-not-found");

    private static void Scale(int replicas) =>
        Kubectl.Run("scale", "deployment", "relay", "-n", SuitePods.Sensors, $"--replicas={replicas}");

    /// <summary>One that the cluster gives to a service, which is taken away again.</summary>
    private static string FreeAddress()
    {
        string address = Kubectl.Run(
            "create", "service", "clusterip", "free", "-n", SuitePods.Sensors, "--tcp=57012", "-o", "jsonpath={.spec.clusterIP}");
        Kubectl.Run("delete", "service", "free", "-n", SuitePods.Sensors);
        return address;
    }

    private void AssertRuns() => Assert.That(
        Kubectl.RolledOut(SuitePods.Sensors, "deployment/relay", seconds: 120).Succeeded,
        () => $"the relay does not become ready: {Kubectl.Run("describe", "pod", "-n", SuitePods.Sensors, "-l", Selector)}");

    private RelaySum SumIn(string log)
    {
        Match last = SumLine().Matches(log).LastOrDefault(m => m.Groups["node"].Value == bed.Node)
            ?? throw new InvalidOperationException($"the relay says nothing of {bed.Node} yet");
        return new RelaySum(Number("before"), Number("written"), Number("received"), Number("missing"), (int)Number("connections"));

        long Number(string group) => last.Groups[group] is { Success: true } number ? long.Parse(number.ValueSpan) : 0;
    }

    [GeneratedRegex(@"(?<node>\S+) \(CN=host-agent\): written (?<written>\d+) = received (?<received>\d+) \+ missing (?<missing>\d+);"
        + @" (?<connections>\d+) connections, \d+ malformed(; (?<before>\d+) were written before)?")]
    private static partial Regex SumLine();
}
