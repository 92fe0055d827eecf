using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>A sensor that does not share a line of code with the agent, and doubts what it is given.</summary>
internal sealed class SuricataTests : ClusterTests
{
    [Test, Needs("SURICATA=1")]
    public void Suricata_beside_the_agent_misses_nothing()
    {
        using var suricata = new SuricataOnNode(Bed);
        string server = SuitePods.Server.Ip;
        FetchPage(server);
        // Bulk that is captured as super-frames.
        SuitePods.Client.Exec("iperf3", "-c", server, "-n", "50M", "-b", "200M");
        // Datagrams as long as the pods' links take reach the sensor's, which is no wider, as two IP fragments each.
        SuitePods.Client.Exec(
            "sh", "-c", $"for _ in 1 2 3; do head -c 1472 /dev/zero | socat -u -b 2000 - UDP:{server}:9; done");
        Wait.Until(30, () => suricata.Events.Any(e => IsWholePage(e, server)) ? null : "Suricata saw no whole page");
        Wait.Until(30, () => Doubts(suricata));
    }

    [Test, Needs("SURICATA=1")]
    public void Suricata_reads_the_stream_and_follows_a_page_to_its_end()
    {
        string good = Bed.Deployment.Policy;
        try
        {
            SuitePods.ScaleSensor(0);
            // It reads a file that never ends. socat makes one of what the agent connects to.
            Kubectl.Create($$"""
                apiVersion: v1
                kind: Pod
                metadata: {name: suricata-stream, namespace: {{SuitePods.Sensors}}, labels: {run: stream-sensor} }
                spec:
                  terminationGracePeriodSeconds: 0
                  nodeSelector: {kubernetes.io/hostname: {{Bed.Node}}}
                  volumes:
                  - {name: pipe, emptyDir: { } }
                  - {name: logs, emptyDir: { } }
                  containers:
                  - name: reader
                    image: "{{Bed.ToolsImage}}"
                    imagePullPolicy: IfNotPresent
                    command: [sh, -c, "mkfifo /pipe/s; exec socat -u TCP-LISTEN:57012,reuseaddr OPEN:/pipe/s"]
                    volumeMounts: [{name: pipe, mountPath: /pipe}]
                  - name: suricata
                    image: jasonish/suricata:8.0
                    imagePullPolicy: IfNotPresent
                    command:
                    - sh
                    - -c
                    - |
                      until [ -p /pipe/s ]; do sleep 1; done
                      exec suricata -c /etc/suricata/suricata.yaml -r /dev/stdin -l /logs < /pipe/s
                    volumeMounts: [{name: pipe, mountPath: /pipe}, {name: logs, mountPath: /logs}]
                """);
            var suricata = new RunningPod(SuitePods.Sensors, "suricata-stream", "suricata");
            Wait.Until(60, () => Kubectl.Try(
                "wait", "pod", "-n", SuitePods.Sensors, suricata.Name, "--for=condition=Ready", "--timeout=5s") is { Succeeded: false } no
                ? no.LastWords : null);
            string stream = good.Replace("{run: sensor}", "{run: stream-sensor}", StringComparison.Ordinal)
                .Replace("port: 4789", "port: 57012", StringComparison.Ordinal)
                .Replace("reads: sniff", "reads: stream", StringComparison.Ordinal);
            Bed.Deployment.Policy = stream;
            Wait.Until(150, () => (string?)Agent.Status["sensor"]!["state"] is var state && state == "ready" ? null : $"sensor {state}");
            // Suricata begins to read when its rules are loaded; what comes before waits in the pipe, and then with the agent. The end of a
            // page comes out of Suricata's buffer with what follows it.
            Wait.Until(120, () =>
            {
                FetchPage(SuitePods.Server.Ip);
                return suricata.TryExec("test", "-e", "/logs/eve.json").Succeeded
                    && SuricataOnNode.EventsOf(suricata).Any(e => IsWholePage(e, SuitePods.Server.Ip))
                    ? null : "Suricata saw no whole page";
            });
        }
        finally
        {
            Bed.Deployment.Policy = good;
            Kubectl.Run("delete", "pod", "-n", SuitePods.Sensors, "suricata-stream", "--ignore-not-found", "--wait=false");
            SuitePods.ScaleSensor(1);
            Bed.Deployment.Reset();
        }
    }

    /// <summary>A page that Suricata's HTTP parser follows to the end.</summary>
    private static void FetchPage(string server)
    {
        using Command page = SuitePods.Server.StartExec(
            "timeout", "30", "socat", "TCP-LISTEN:8081,reuseaddr", "SYSTEM:echo HTTP/1.0 200 OK; echo; head -c 60000 /dev/zero");
        SuitePods.Client.Exec(
            "curl", "-sf", "-m", "20", "--retry", "10", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null",
            $"http://{server}:8081/page");
        page.Wait(Interruption.Token);
    }

    private static bool IsWholePage(JsonNode seen, string server) =>
        (string?)seen["event_type"] == "fileinfo" && (string?)seen["src_ip"] == server && (string?)seen["http"]?["url"] == "/page"
        && (long?)seen["fileinfo"]?["size"] == 60_000 && (string?)seen["fileinfo"]?["state"] == "CLOSED";

    /// <summary>What Suricata counts that it should not, or does not count that it should; null when it is content.</summary>
    private static string? Doubts(SuricataOnNode suricata)
    {
        JsonNode stats = suricata.Events.Last(e => (string?)e["event_type"] == "stats")["stats"]!;
        long vxlan = (long)stats["decoder"]!["vxlan"]!;
        long reassembled = (long)stats["defrag"]!["ipv4"]!["reassembled"]!;
        (string Name, JsonNode? Count)[] doubts =
        [
            ("invalid", stats["decoder"]!["invalid"]),
            ("checksum", stats["tcp"]!["invalid_checksum"]),
            ("gaps", stats["tcp"]!["reassembly_gap"]),
            ("dropped", stats["capture"]!["kernel_drops"]),
        ];
        // 50 MiB are 36,000 segments.
        return vxlan > 30_000 && reassembled >= 3 && doubts.All(d => (long)d.Count! == 0)
            ? null
            : $"Suricata says: VXLAN {vxlan}, reassembled {reassembled}, " + string.Join(", ", doubts.Select(d => $"{d.Name} {d.Count}"));
    }
}
