using System.Net.Http.Json;
using System.Text.Json;
using HostAgent.Cluster;
using HostAgent.Lab;

namespace HostAgent.E2E;

/// <summary>
/// The cluster of KUBECONFIG, through kubectl, and its server's faults: HOSTAGENT_E2E_ETCD is etcd's client URL,
/// HOSTAGENT_E2E_API_STOP and _START are commands that kill the API server and bring it back.
/// </summary>
internal static class Cluster
{
    public static string Kubeconfig => Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } path && File.Exists(path)
        ? path
        : throw new InvalidOperationException(
            "KUBECONFIG names no file; this suite needs a cluster: eval \"$(HostAgent.E2E/control-plane up)\"");

    public static string Kubectl(params string[] arguments) => HostTool.Run("kubectl", arguments);

    public static void Apply(string manifest) => HostTool.RunWithInput(manifest, "kubectl", "create", "-f", "-");

    /// <summary>kubectl's own list of a node's pods, by uid, with what the suite compares.</summary>
    public static Dictionary<string, (string Name, string Label)> Pods(string node)
    {
        using var list = JsonDocument.Parse(Kubectl("get", "pods", "-A", "--field-selector", $"spec.nodeName={node}", "-o", "json"));
        return list.RootElement.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("metadata")).ToDictionary(
            m => m.GetProperty("uid").GetString()!,
            m => ($"{m.GetProperty("namespace").GetString()}/{m.GetProperty("name").GetString()}",
                m.GetProperty("labels").GetProperty("app").GetString()!));
    }

    /// <summary>kubectl's own list of namespaces with their label mirror.</summary>
    public static Dictionary<string, string?> Namespaces()
    {
        using var list = JsonDocument.Parse(Kubectl("get", "namespaces", "-o", "json"));
        return list.RootElement.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("metadata")).ToDictionary(
            m => m.GetProperty("name").GetString()!,
            m => m.TryGetProperty("labels", out JsonElement labels) && labels.TryGetProperty("mirror", out JsonElement label)
                ? label.GetString()
                : null);
    }

    /// <summary>Drops etcd's history up to now, through its own gateway to JSON.</summary>
    public static async Task CompactAsync()
    {
        string etcd = Setting("HOSTAGENT_E2E_ETCD", "etcd's client URL");
        using var client = new HttpClient();
        using HttpResponseMessage range = await client.PostAsJsonAsync($"{etcd}/v3/kv/range", new { key = Convert.ToBase64String("x"u8) });
        using JsonDocument answer = JsonDocument.Parse(await range.Content.ReadAsStringAsync());
        string revision = answer.RootElement.GetProperty("header").GetProperty("revision").GetString()!;
        using HttpResponseMessage compaction = await client.PostAsJsonAsync($"{etcd}/v3/kv/compaction", new { revision, physical = true });
        compaction.EnsureSuccessStatusCode();
    }

    public static void StopApi() => HostTool.Run("sh", "-c", Setting("HOSTAGENT_E2E_API_STOP", "the command that kills the API server"));

    public static void StartApi() => HostTool.Run("sh", "-c", Setting("HOSTAGENT_E2E_API_START", "the command that starts it"));

    private static string Setting(string name, string what)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        if (string.IsNullOrEmpty(value)) Assert.Ignore($"{name} ({what}) is not set");
        return value!;
    }
}
