using System.Text.Json;
using HostAgent.Deciding;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Deciding;

/// <summary>The program itself writes events where it is told to, and none where it is not.</summary>
[Parallelizable]
internal sealed class EventsOnNodeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    [Test]
    public async Task A_pod_a_policy_and_a_sensor_that_are_not_well_are_told()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("pod"), sensor = node.AddRouted("sensor");
        await using ApiServer api = NamespaceThread.Run(node.Namespace.Path, () => ApiServer.StartAsync().GetAwaiter().GetResult());
        var store = new EventStore(api);
        api.Objects.PutNamespace("a");
        api.Objects.PutPod(pod.Name, ip: $"{pod.Ipv4}");
        api.Objects.Put("pods", "host", version => $$$"""
            {"metadata":{"name":"host","namespace":"a","uid":"u-host","resourceVersion":"{{{version}}}"},
            "spec":{"nodeName":"node-1","hostNetwork":true},"status":{"phase":"Running"}}
            """.ReplaceLineEndings(""));
        using var folder = new TemporaryDirectory();
        var files = new AgentFiles(folder.Path, "node-1") { Kubeconfig = folder.Write("kubeconfig", api.Kubeconfig) };
        files.WritePolicy($"{{address: {sensor.Ipv4}, reads: sniff}}", vni: 1);
        await using var agent = new AgentProcess(node.Namespace, AgentProgram.Command, files, "--events", $"{EventStore.Self}");
        await agent.ReadyAsync(1, Patience, default);
        await ToldAsync("PodNotCaptured of Pod host x1");

        files.WritePolicy("no policy");
        await ToldAsync("PodNotCaptured of Pod host x1", "PolicyRejected of DaemonSet host-agent x1");
        files.WritePolicy("{address: 10.99.0.250, reads: sniff}", vni: 1);
        await ToldAsync(
            "PodNotCaptured of Pod host x1", "PolicyRejected of DaemonSet host-agent x1", "SensorLost of DaemonSet host-agent x1");
        JsonElement rejected = store.Events.Values.Single(told => told.GetProperty("reason").GetString() == Trouble.PolicyRejected);
        Assert.That(rejected.GetProperty("note").GetString(), Does.StartWith("node node-1: the policy file has "));
        Assert.That(await agent.EndAsync(), Is.Zero);

        Task ToldAsync(params string[] expected) => Eventually.ThatAsync(() => store.Told.Order().SequenceEqual(expected),
            $"told: {string.Join(", ", expected)}", (int)Patience.TotalSeconds);
    }
}
