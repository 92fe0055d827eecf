using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.ApiServer;

/// <summary>
/// The API server of KUBECONFIG, and its faults: HOSTAGENT_E2E_ETCD is etcd's client URL, HOSTAGENT_E2E_API_STOP and _START are commands
/// that kill the API server and bring it back.
/// </summary>
internal static class ApiServerUnderTest
{
    public static string Kubeconfig => Setting("KUBECONFIG");

    /// <summary>kubectl's own list of a node's pods, by uid, with what the suite compares.</summary>
    public static Dictionary<string, (string Name, string Label)> Pods(string node) =>
        Kubectl.List("pods", "-A", "--field-selector", $"spec.nodeName={node}").Select(i => i["metadata"]!).ToDictionary(
            m => (string)m["uid"]!, m => ($"{m["namespace"]}/{m["name"]}", (string)m["labels"]!["app"]!));

    /// <summary>kubectl's own list of namespaces with their label mirror.</summary>
    public static Dictionary<string, string?> Namespaces() =>
        Kubectl.List("namespaces").ToDictionary(Kubectl.Name, i => (string?)i["metadata"]!["labels"]?["mirror"]);

    public static void CompactHistory() => Etcd.Compact(Setting("HOSTAGENT_E2E_ETCD"));

    public static void Stop() => Command.Run("sh", "-c", Setting("HOSTAGENT_E2E_API_STOP"));

    public static void Start() => Command.Run("sh", "-c", Setting("HOSTAGENT_E2E_API_START"));

    private static string Setting(string name) => Environment.GetEnvironmentVariable(name)
        ?? throw new InvalidOperationException($"{name} is not set; this suite needs what HostAgent.E2E/control-plane makes");
}
