using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>Suricata's alerts name the pods, by the agent's map.</summary>
internal sealed class SuricataPodTests : ClusterTests
{
    private const int LdapBind = 9100001, JndiLookup = 9100002;

    [Test, Needs("SURICATA=1")]
    public void An_alert_of_Suricata_has_both_pods_also_one_that_came_after_it()
    {
        RunningPod client = SuitePods.Client, server = SuitePods.Server;
        using var suricata = new SuricataOnNode(Bed);
        using Command ldap = server.StartExec("timeout", "300", "socat", "-u", "TCP-LISTEN:1389,reuseaddr,fork", "OPEN:/dev/null");
        try
        {
            Wait.Until(60, () =>
            {
                Bind(client);
                client.TryExec("curl", "-s", "-m", "5", "-H", $"X-Api: ${{jndi:ldap://{server.Ip}:1389/a}}", $"http://{server.Ip}:8080/");
                return Missing(suricata, LdapBind, client) ?? Missing(suricata, JndiLookup, client);
            });

            // Suricata has its rules by now: it can know of these by what it is told.
            foreach (string name in new[] { "newcomer", "successor" })
            {
                RunningPod later = SuitePods.Run(Bed, SuitePods.InScope, name, "sleep", "infinity");
                Wait.Until(60, () =>
                {
                    Bind(later);
                    return Missing(suricata, LdapBind, later);
                });
                later.Delete();
            }
        }
        finally
        {
            Kubectl.Run("delete", "pod", "-n", SuitePods.InScope, "newcomer", "successor", "--ignore-not-found", "--wait=false");
        }
    }

    /// <summary>What a program with the Log4j flaw sends first to the attacker's LDAP server.</summary>
    private static void Bind(RunningPod from) => from.TryExec(
        "sh", "-c", $@"printf '\060\014\002\001\001\140\007\002\001\003\004\000\200\000' | socat -u - TCP:{SuitePods.Server.Ip}:1389");

    /// <summary>Null when there is an alert from this pod to the server that names both.</summary>
    private static string? Missing(SuricataOnNode suricata, int rule, RunningPod from)
    {
        JsonNode[] alerts = [.. suricata.Events
            .Where(e => (string?)e["event_type"] == "alert" && (int)e["alert"]!["signature_id"]! == rule)];
        return alerts.Any(e => (string?)e["src_ip"] == from.Ip && e["alert"]!["context"] is { } context
            && Names(context["src_pod"], from) && Names(context["dest_pod"], SuitePods.Server))
            ? null
            : $"no alert {rule} from {from}; the last: {string.Join('\n', alerts.TakeLast(2).Select(e => e.ToJsonString()))}";
    }

    private static bool Names(JsonNode? told, RunningPod pod) =>
        ((string?)told?["ns"], (string?)told?["name"], (string?)told?["node"]) == (pod.Namespace, pod.Name, Bed.Node);
}
