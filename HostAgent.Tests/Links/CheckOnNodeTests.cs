using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

/// <summary>What <c>host-agent check</c> says of a node, with and without the privilege that one of the lookups needs.</summary>
[Parallelizable]
public sealed class CheckOnNodeTests
{
    // Addresses that no other namespace of this machine has, since the program looks into all of them.
    private readonly string _prefix = $"10.{100 + (Environment.ProcessId % 100)}.{Random.Shared.Next(256)}";

    [Test]
    public void Without_privilege_for_namespaces_the_lookup_is_skipped_and_the_status_says_so()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddBridged("web");
        pod.Namespace.Ip($"addr add {_prefix}.1/32 dev eth0");

        JsonElement with = Check(node, []);
        JsonElement found = with.GetProperty("pods")[0];
        Assert.That(found.GetProperty("state").GetString(), Is.EqualTo("captured"), found.ToString());
        Assert.That(found.GetProperty("links")[0].GetProperty("name").GetString(), Is.EqualTo(pod.HostLink));
        Assert.That(found.GetProperty("links")[0].GetProperty("foundBy").GetString(), Is.EqualTo("netns"));

        JsonElement without = CheckUnprivileged(node);
        JsonElement missed = without.GetProperty("pods")[0];
        Assert.That(missed.GetProperty("state").GetString(), Is.EqualTo("pending"));
        Assert.That(missed.GetProperty("reason").GetString(), Does.Contain("CAP_SYS_ADMIN"));
        Assert.That(Warnings(without), Does.Contain("setns needs CAP_SYS_ADMIN"));
    }

    [Test]
    public void A_lookup_that_nobody_needs_is_not_warned_of()
    {
        using NodeNetwork node = TestNode.Create();
        AddRouted(node, "web", 1);
        JsonElement check = CheckUnprivileged(node);
        Assert.That(check.GetProperty("pods")[0].GetProperty("links")[0].GetProperty("foundBy").GetString(), Is.EqualTo("route"));
        Assert.That(Warnings(check), Is.EqualTo("[]"));
    }

    [Test]
    public void A_lookup_that_only_a_further_interface_needs_is_warned_of()
    {
        using NodeNetwork node = TestNode.Create();
        AddRouted(node, "web", 1);
        JsonElement check = CheckUnprivileged(node, further: $"{_prefix}.3");
        Assert.That(check.GetProperty("pods")[0].GetProperty("state").GetString(), Is.EqualTo("captured"));
        Assert.That(Warnings(check),
            Does.Contain("further interface").And.Contain($"{_prefix}.3").And.Contain("setns needs CAP_SYS_ADMIN"));
    }

    [Test]
    public void Frames_that_will_not_fit_the_sensors_link_are_a_note()
    {
        using NodeNetwork node = TestNode.Create();
        AddRouted(node, "web", 1);
        PodNetwork sensor = AddRouted(node, "zeek", 2, mtu: 1549);
        JsonElement narrow = Check(node, [], sensor: $"{_prefix}.2");
        Assert.That(Notes(narrow), Does.Contain($"{sensor.HostLink} has MTU 1549").And.Contain("may need 1550"));
        Assert.That(Warnings(narrow), Is.EqualTo("[]"));
        node.Namespace.Ip($"link set {sensor.HostLink} mtu 1550");
        Assert.That(Notes(Check(node, [], sensor: $"{_prefix}.2")), Is.EqualTo("[]"));
    }

    [Test]
    public void The_node_is_named_by_the_whole_host_name_in_lower_case_as_the_kubelet_names_it()
    {
        Require.Program("unshare", "util-linux");
        using NodeNetwork node = TestNode.Create();
        string[] named = ["unshare", "--uts", "sh", "-c",
            "unset NODE_NAME; echo Node-1.Example.com >/proc/sys/kernel/hostname && exec \"$@\"", "sh"];
        Assert.That(Check(node, named, nodeName: null).GetProperty("node").GetString(), Is.EqualTo("node-1.example.com"));
    }

    private static string Warnings(JsonElement check) => check.GetProperty("warnings").ToString();

    private static string Notes(JsonElement check) => check.GetProperty("notes").ToString();

    /// <summary>A pod with a route to an address of this test's own.</summary>
    private PodNetwork AddRouted(NodeNetwork node, string name, int host, int mtu = 1500)
    {
        PodNetwork pod = node.AddRouted(name, mtu);
        node.Namespace.Ip($"route add {_prefix}.{host}/32 dev {pod.HostLink}");
        return pod;
    }

    private JsonElement CheckUnprivileged(NodeNetwork node, string further = "")
    {
        Require.Program("setpriv", "util-linux");
        return Check(node, ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"], further: further);
    }

    /// <summary>Its JSON about one pod, which has the first address.</summary>
    private JsonElement Check(NodeNetwork node, string[] wrapper, string sensor = "127.0.0.1", string? nodeName = "n", string further = "")
    {
        using var files = new TemporaryDirectory();
        string policy = files.Write("policy.yaml", AgentFiles.PolicyOf($"{{address: {sensor}}}"));
        // Not the lab's: the pod has an annotation, and its address is of this test's own.
        string cluster = files.Write("cluster.yaml", $$$"""
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: Namespace, metadata: {name: shop, uid: a, labels: {mirror: "on"} } }
            - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, uid: b,
                annotations: {k8s.v1.cni.cncf.io/network-status: '[{"ips": ["{{{further}}}"]}]'}},
                spec: {nodeName: n}, status: {phase: Running, podIP: {{{_prefix}}}.1}}
            """);
        using JsonDocument said = JsonDocument.Parse(node.Namespace.Exec(
        [
            .. wrapper, .. AgentProgram.Command, "check", "--output", "json", "--policy", policy, "--cluster-file", cluster,
            .. nodeName is null ? Array.Empty<string>() : ["--node-name", nodeName],
        ]));
        return said.RootElement.Clone();
    }
}
