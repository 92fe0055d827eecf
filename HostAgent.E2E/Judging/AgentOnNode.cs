using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Judging;

/// <summary>What the node's agent says of itself, read as any other program would read it.</summary>
internal sealed class AgentOnNode(string node, ClusterScripts? scripts)
{
    private const int Port = 9460;

    /// <exception cref="InvalidOperationException">None is ready.</exception>
    public RunningPod Pod => ReadyPod ?? throw new InvalidOperationException("no agent is ready");

    /// <summary>Its pod; null when none is ready.</summary>
    public RunningPod? ReadyPod => RunningPod.Ready(node, AgentDeployment.Namespace, "app.kubernetes.io/name=host-agent");

    public JsonNode Status => JsonNode.Parse(Ask("/status"))!;

    public long Delivered => (long)Metric("hostagent_frames_delivered_total");

    /// <summary>MiB.</summary>
    public long Resident => (long)Metric("process_resident_memory_bytes") >> 20;

    /// <summary>The sensors that it sends to.</summary>
    public string[] Endpoints => [.. Status["sensor"]!["endpoints"]!.AsArray().Select(e => (string)e!["address"]!)];

    public string[] Warnings => [.. Status["warnings"]!.AsArray().Select(w => (string)w!)];

    /// <summary>The pods that it captures, as namespace/name, in order.</summary>
    public string[] CapturedPods => [.. Status["pods"]!.AsArray().Where(p => (string?)p!["state"] == "captured")
        .Select(p => $"{p!["namespace"]}/{p["name"]}").Order(StringComparer.Ordinal)];

    /// <summary>What `host-agent check` finds, inside the agent's pod.</summary>
    public JsonNode Check() => JsonNode.Parse(Pod.Exec("host-agent", "check", "--output", "json"))!;

    /// <param name="sample">A name with its labels, as it stands in /metrics.</param>
    public double Metric(string sample) => Samples(sample + " ").Single().Value;

    /// <summary>All samples whose line begins so.</summary>
    public IEnumerable<(string Line, double Value)> Samples(string start) =>
        Ask("/metrics").Split('\n').Where(line => line.StartsWith(start, StringComparison.Ordinal))
            .Select(line => (line, double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), NumberStyles.Float, CultureInfo.InvariantCulture)));

    /// <summary>What is wrong with a metric's value; null when nothing is.</summary>
    public string? MetricIsNot(string sample, double value) =>
        Metric(sample) is var found && found.Equals(value) ? null : $"{sample} is {found}, not {value}";

    /// <summary>Its answer on loopback: on the node itself where the suite can, so that it works without the API server, too.</summary>
    /// <exception cref="InvalidOperationException">It does not answer, or not with 200.</exception>
    public string Ask(string path) =>
        scripts is null ? AskThroughForward(path) : scripts.Sh(node, "curl", "-sf", "-m", "5", $"http://127.0.0.1:{Port}{path}");

    /// <summary>Asks the node's address from a pod, as a scraper on the network does: over TLS, whoever signed its certificate.</summary>
    public CommandResult AskFromNetwork(string path, params string[] curlOptions)
    {
        RunningPod agent = Pod;
        string address = (string)Kubectl.Get("pod", "-n", agent.Namespace, agent.Name)["status"]!["hostIP"]!;
        return SuitePods.Client.TryExec(["curl", "-sk", "-m", "5", .. curlOptions, $"https://{address}:{Port}{path}"]);
    }

    /// <summary>The status of its answer to who shows this token; null for no token.</summary>
    public string StatusFromNetwork(string path, string? token)
    {
        string[] shown = token is null ? [] : ["-H", $"Authorization: Bearer {token}"];
        return AskFromNetwork(path, ["-o", "/dev/null", "-w", "%{http_code}", .. shown]).Output;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private string AskThroughForward(string path)
    {
        RunningPod agent = Pod;
        int local = FreePort();
        using Command forward = Command.Start("kubectl", "port-forward", "-n", agent.Namespace, agent.Name, $"{local}:{Port}");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return http.GetStringAsync(new Uri($"http://127.0.0.1:{local}{path}")).GetAwaiter().GetResult();
            }
            catch (Exception e) when (attempt < 50 && e is HttpRequestException or OperationCanceledException)
            {
                Wait.For(TimeSpan.FromSeconds(0.1));
            }
        }
    }
}
