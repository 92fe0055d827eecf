using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>What psp/psp.yaml lets in, on a cluster whose API server runs the PodSecurityPolicy plugin.</summary>
internal sealed class PodSecurityPolicyTests
{
    private const string Rejection = "unable to admit pod";

    private static AgentDeployment Deployment => TestBed.Current.Deployment;

    /// <summary>More than the agent needs, each by itself.</summary>
    private static readonly (string What, Action<JsonNode> Change)[] Looser =
    [
        ("hostPID", spec => spec["hostPID"] = true),
        ("hostIPC", spec => spec["hostIPC"] = true),
        ("privileged", spec =>
        {
            Context(spec)["privileged"] = true;
            Context(spec).AsObject().Remove("allowPrivilegeEscalation");
        }),
        ("SYS_ADMIN", spec => Context(spec)["capabilities"]!["add"]!.AsArray().Add("SYS_ADMIN")),
        ("allowPrivilegeEscalation", spec => Context(spec)["allowPrivilegeEscalation"] = true),
        ("a root that can be written", spec => Context(spec)["readOnlyRootFilesystem"] = false),
        ("port 22", spec =>
        {
            JsonNode port = Container(spec)["ports"]![0]!;
            port["hostPort"] = 22;
            port["containerPort"] = 22;
        }),
        ("the host's root", spec => spec["volumes"]!.AsArray()
            .Add(new JsonObject { ["name"] = "root", ["hostPath"] = new JsonObject { ["path"] = "/" } })),
        ("no seccomp", spec => spec["securityContext"]!["seccompProfile"]!["type"] = "Unconfined"),
    ];

    [Test, Needs("CLUSTER=DIR")]
    public void Pod_security_policy_admits_the_agent_and_nothing_looser()
    {
        Deployment.Apply();
        Wait.Until(30, () => Kubectl.List("events", "-n", AgentDeployment.Namespace).Any(IsRejection) ? null : "it is not rejected");
        Assert.That(Kubectl.List("pods", "-n", AgentDeployment.Namespace), Is.Empty);

        Deployment.Delete();
        Kubectl.Run("apply", "-f", "psp/psp.yaml");
        Deployment.Apply();
        Wait.Until(30, () => Kubectl.List("pods", "-n", AgentDeployment.Namespace) is [var pod, ..] && AdmittedBy(pod) == "host-agent"
            ? null
            : "it is not admitted");
        Deployment.AssertRolledOut();

        // The same service account gets nothing looser. It may create pods for this test alone.
        Kubectl.Run(
            "create", "rolebinding", "e2e-edit", "-n", AgentDeployment.Namespace, "--clusterrole=edit",
            "--serviceaccount=host-agent:host-agent");
        using (Assert.EnterMultipleScope())
        {
            foreach ((string what, Action<JsonNode> change) in Looser)
            {
                CommandResult result = CreateAsAgent(change);
                Assert.That(result.Succeeded, Is.False, $"admitted: {what}");
                Assert.That(result.Error, Does.Contain(Rejection), what);
            }

            // This plugin mends what it can: a pod that keeps its capabilities is admitted without them.
            CommandResult mended = CreateAsAgent(spec => Context(spec)["capabilities"]!["drop"] = new JsonArray());
            Assert.That(mended.Succeeded, mended.LastWords);
            Assert.That(
                Context(JsonNode.Parse(mended.Output)!["spec"]!)["capabilities"]!["drop"]!.ToJsonString(), Is.EqualTo("[\"ALL\"]"));
            CommandResult itself = CreateAsAgent(_ => { });
            Assert.That(itself.Succeeded, $"the pod itself, unchanged: {itself.LastWords}");
        }
    }

    private static JsonNode Container(JsonNode spec) => spec["containers"]![0]!;

    private static JsonNode Context(JsonNode spec) => Container(spec)["securityContext"]!;

    private static string? AdmittedBy(JsonNode pod) => (string?)pod["metadata"]!["annotations"]?["kubernetes.io/psp"];

    private static bool IsRejection(JsonNode happened) => (string?)happened["reason"] == "FailedCreate"
        && ((string)happened["message"]!).Contains(Rejection, StringComparison.Ordinal);

    /// <summary>The agent's pod with a change, made by the agent's service account. A server-side dry run goes through admission.</summary>
    private static CommandResult CreateAsAgent(Action<JsonNode> change)
    {
        JsonNode spec = Kubectl.Get("daemonset", "-n", AgentDeployment.Namespace, "host-agent")["spec"]!["template"]!["spec"]!.DeepClone();
        change(spec);
        var pod = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject { ["name"] = "try", ["namespace"] = AgentDeployment.Namespace },
            ["spec"] = spec,
        };
        return Command.TryWithInput(
            pod.ToJsonString(), "kubectl", "create", "--dry-run=server", "-o", "json", "-f", "-",
            "--as=system:serviceaccount:host-agent:host-agent");
    }
}
