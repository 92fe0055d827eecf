using HostAgent.Cluster;
using HostAgent.E2E.Acting;
using HostAgent.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.E2E.ApiServer;

/// <summary>Events in a real API server, with the rights of the manifests and no other; kubectl describe is the judge.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[NonParallelizable]
internal sealed class EventTests
{
    private const string Rights = "deploy/events/rbac.yaml";

    private Workload _workload = null!;

    [SetUp]
    public void SetUp() => _workload = new Workload(namespaces: 1);

    [TearDown]
    public void TearDown() => _workload.Dispose();

    [Test]
    public async Task The_rights_of_the_overlay_are_enough_and_kubectl_describe_tells()
    {
        string home = _workload.Namespaces[0];
        Kubectl.Create($$$"""
            apiVersion: apps/v1
            kind: DaemonSet
            metadata: {name: host-agent, namespace: {{{home}}}}
            spec:
              selector: {matchLabels: {app: host-agent}}
              template:
                metadata: {labels: {app: host-agent}}
                spec: {containers: [{name: c, image: "localhost/none:1"}]}
            """);
        var uid = (string)Kubectl.Get("daemonset", "host-agent", "-n", home)["metadata"]!["uid"]!;
        _workload.AddPods("self", 1);
        Kubectl.Run("patch", "pod", "self-0", "-n", home, "-p", "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
            + $"\"kind\":\"DaemonSet\",\"name\":\"host-agent\",\"uid\":\"{uid}\",\"controller\":true}}]}}}}");
        ApiCredentials admin = Kubeconfig.Read(ApiServerUnderTest.Kubeconfig);
        string token = Kubectl.TokenOf(home, "agent");
        using var api = new KubernetesApi(
            new ApiCredentials { Server = admin.Server, Authorities = admin.Authorities, Token = () => token }, _workload.Node,
            NullLogger<KubernetesApi>.Instance);
        var pod = new PodName(home, "self-0");
        Assert.That(async () => await api.Events.OwnerAsync(pod, default),
            Throws.TypeOf<ApiCallException>().With.Message.Contains("verb list on resource pods"));

        try
        {
            Kubectl.Run("create", "clusterrole", home, "--verb=list,watch", "--resource=pods,namespaces");
            Bind(home, home);
            await Eventually.ThatAsync(() => May(home, "list", "pods"), "the rights of the base");
            EventSubject owner = await api.Events.OwnerAsync(pod, default);
            Assert.That(owner, Is.EqualTo(new EventSubject("apps/v1", "DaemonSet", home, "host-agent", uid)));
            var made = new ClusterEvent(owner, "SensorLost", new string('é', 600), "self-0", DateTimeOffset.UtcNow);
            Assert.That(async () => await api.Events.CreateAsync(made, default),
                Throws.TypeOf<ApiCallException>().With.Message.Contains("verb create on resource events of API group events.k8s.io"));

            Kubectl.Run("create", "-f", Rights);
            Bind(home, "host-agent-events");
            await Eventually.ThatAsync(() => May(home, "patch", "events.events.k8s.io"), "the rights of the overlay");
            await api.Events.CreateAsync(made, default);
            Assert.That(Kubectl.Run("describe", "daemonset", "host-agent", "-n", home), Does.Match("Warning +SensorLost .* é{512}\n"));
            Assert.That(await api.Events.RepeatAsync(made, 2, DateTimeOffset.UtcNow, default), Is.True);
            Assert.That((int)Kubectl.List("events.events.k8s.io", "-n", home).Single()["series"]!["count"]!, Is.EqualTo(2));
            Assert.That(Kubectl.Run("describe", "daemonset", "host-agent", "-n", home), Does.Match(@"Warning +SensorLost .*\(x2 over "));
            Kubectl.Run("delete", "events", "--all", "-n", home);
            Assert.That(await api.Events.RepeatAsync(made, 3, DateTimeOffset.UtcNow, default), Is.False);
        }
        finally
        {
            Kubectl.Try("delete", "-f", Rights);
            Kubectl.Run(
                "delete", "clusterrolebinding,clusterrole", home, $"{home}-{home}", $"{home}-host-agent-events", "--ignore-not-found");
        }
    }

    private static void Bind(string home, string role) => Kubectl.Run(
        "create", "clusterrolebinding", $"{home}-{role}", $"--clusterrole={role}", $"--serviceaccount={home}:agent");

    private static bool May(string home, string verb, string resource) =>
        Kubectl.Try("auth", "can-i", verb, resource, "-A", $"--as=system:serviceaccount:{home}:agent").Output.Trim() == "yes";
}
