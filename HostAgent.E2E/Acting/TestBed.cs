using System.Text.Json.Nodes;
using HostAgent.E2E.Judging;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>The cluster that the tests run on, with the agent and the pods that it watches over.</summary>
internal sealed class TestBed(ClusterScripts? scripts) : IDisposable
{
    private string? _node;

    /// <summary>The one that is there now. The program makes one after the other, and runs the tests on each.</summary>
    public static TestBed Current { get; set; } = null!;

    public string ToolsImage { get; } = scripts is null ? Settings.ToolsImage : ClusterScripts.ToolsImage;

    /// <summary>The node that everything happens on.</summary>
    public string Node => _node ?? throw new InvalidOperationException("the test bed is not prepared");

    /// <summary>Another one, which nothing of the suite's is on; null where there is none.</summary>
    public string? OtherNode => ReadyNodes().FirstOrDefault(name => name != Node);

    /// <summary>The way to the cluster's host; null where there is none.</summary>
    public ClusterScripts? Scripts => scripts;

    /// <summary>For tests that need the cluster's host.</summary>
    public Components Components { get; } = new(scripts!);

    public AgentDeployment Deployment { get; } = new(Settings.Image);

    public AgentOnNode Agent => new(Node, scripts);

    public Judgement Judgement => new(this);

    /// <exception cref="InvalidOperationException">None is ready.</exception>
    public RunningPod Sensor => ReadySensor ?? throw new InvalidOperationException("no sensor is ready");

    /// <summary>The sensor that runs on the node; null when none is ready.</summary>
    public RunningPod? ReadySensor => RunningPod.Ready(Node, SuitePods.Sensors, "app=sensor");

    /// <summary>The node is chosen, the pods and the agent run.</summary>
    public void Prepare()
    {
        // A young cluster's nodes are ready some time before their taint is gone.
        Wait.Until(60, () => (_node = ReadyNodes().FirstOrDefault()) is null ? "no node is ready and without taints" : null);
        SuitePods.Apply(this);
        Deployment.Apply();
        Deployment.AssertRolledOut();
    }

    public void Dispose() => Components.Dispose();

    private static IEnumerable<string> ReadyNodes() => Kubectl.List("nodes")
        .Where(n => Kubectl.IsReady(n) && n["spec"]?["taints"] is not JsonArray { Count: > 0 }).Select(Kubectl.Name);
}
