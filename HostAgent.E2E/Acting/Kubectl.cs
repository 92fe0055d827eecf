using System.Text.Json.Nodes;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>
/// The cluster of KUBECONFIG, by kubectl: the suite acts and judges from outside, and shares no code with the agent's own client.
/// </summary>
internal static class Kubectl
{
    /// <exception cref="InvalidOperationException">kubectl failed; the message has its last words.</exception>
    public static string Run(params string[] arguments) => Command.Run("kubectl", arguments);

    /// <summary>Runs it with <paramref name="manifest"/> as its file.</summary>
    public static string RunWithInput(string manifest, params string[] arguments) =>
        Command.RunWithInput(manifest, "kubectl", [.. arguments, "-f", "-"]);

    public static void Create(string manifest) => RunWithInput(manifest, "create");

    public static void Apply(string manifest, params string[] options) => RunWithInput(manifest, ["apply", .. options]);

    public static CommandResult Try(params string[] arguments) => Command.Try("kubectl", arguments);

    public static JsonNode Get(params string[] arguments) => JsonNode.Parse(Run(["get", .. arguments, "-o", "json"]))!;

    public static JsonNode[] List(params string[] arguments) => [.. Get(arguments)["items"]!.AsArray().Select(i => i!)];

    /// <summary>A token of a service account, for an hour; the account is made when it is not there.</summary>
    public static string TokenOf(string @namespace, string account)
    {
        Try("create", "serviceaccount", "-n", @namespace, account);
        // Not `create token`, which kubectl has since 1.24 only.
        string answer = RunWithInput(
            """{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":{"expirationSeconds":3600}}""",
            "create", "--raw", $"/api/v1/namespaces/{@namespace}/serviceaccounts/{account}/token");
        return (string)JsonNode.Parse(answer)!["status"]!["token"]!;
    }

    /// <summary>Whether kubectl's object has the condition Ready, as nodes and pods do.</summary>
    public static bool IsReady(JsonNode item) => item["status"]?["conditions"]?.AsArray()
        .Any(c => (string?)c!["type"] == "Ready" && (string?)c["status"] == "True") ?? false;

    public static string Name(JsonNode item) => (string)item["metadata"]!["name"]!;

    /// <summary>Waits until all pods of a workload run.</summary>
    /// <param name="workload">For instance deployment/flood.</param>
    public static CommandResult RolledOut(string @namespace, string workload, int seconds) =>
        Try("rollout", "status", "-n", @namespace, workload, $"--timeout={seconds}s");
}
