using System.Text.Json;
using HostAgent.Demo;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

/// <summary>The program itself, with and without the privilege that one of the lookups needs.</summary>
public sealed class PrivilegeTests
{
    private const string Policy = """
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {address: 127.0.0.1}
        vni: 1
        rules:
        - name: all
          namespaceSelector: {}
        """;

    private const string Cluster = """
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: Namespace, metadata: {name: shop, uid: a}}
        - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, uid: b}, spec: {nodeName: n}, status: {phase: Running, podIP: POD}}
        """;

    [Test]
    public void Without_the_privilege_for_namespaces_the_lookup_is_skipped_and_the_status_says_so()
    {
        Require.Program("setpriv", "util-linux");
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddBridged("web");
        // An address that no other namespace of this machine has, since the program looks into all of them.
        string address = $"10.{100 + (Environment.ProcessId % 100)}.{Random.Shared.Next(256)}.{Random.Shared.Next(1, 255)}";
        pod.Namespace.Ip($"addr add {address}/32 dev eth0");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("hostagent-check");
        try
        {
            string policy = Path.Combine(folder.FullName, "policy.yaml"), cluster = Path.Combine(folder.FullName, "cluster.yaml");
            File.WriteAllText(policy, Policy);
            File.WriteAllText(cluster, Cluster.Replace("POD", address, StringComparison.Ordinal));
            string[] check =
            [
                "dotnet", Path.Combine(AppContext.BaseDirectory, "host-agent.dll"), "check", "--output", "json", "--node-name", "n",
                "--policy", policy, "--cluster-file", cluster,
            ];

            using JsonDocument with = JsonDocument.Parse(node.Namespace.Exec(check));
            JsonElement found = with.RootElement.GetProperty("pods")[0];
            Assert.That(found.GetProperty("state").GetString(), Is.EqualTo("captured"), found.ToString());
            Assert.That(found.GetProperty("links")[0].GetProperty("name").GetString(), Is.EqualTo(pod.HostLink));
            Assert.That(found.GetProperty("links")[0].GetProperty("foundBy").GetString(), Is.EqualTo("netns"));

            using JsonDocument without = JsonDocument.Parse(
                node.Namespace.Exec(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", .. check]));
            JsonElement missed = without.RootElement.GetProperty("pods")[0];
            Assert.That(missed.GetProperty("state").GetString(), Is.EqualTo("pending"));
            Assert.That(missed.GetProperty("reason").GetString(), Does.Contain("CAP_SYS_ADMIN"));
            Assert.That(without.RootElement.GetProperty("warnings").ToString(), Does.Contain("setns needs CAP_SYS_ADMIN"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
