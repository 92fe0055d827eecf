using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>The agent as it is deployed: the program itself, in the node's namespace, with a policy and a cluster file.</summary>
internal sealed class AgentOnNode : IAsyncDisposable
{
    private static readonly IPEndPoint Listen = new(IPAddress.Loopback, 9460);

    private readonly NodeNetwork _node;
    private readonly TemporaryDirectory _files = new();
    private readonly ChildProcess _process;
    private readonly AgentClient _client;

    /// <param name="node">Where it runs.</param>
    /// <param name="sensor">The policy's sensor part, as YAML in braces.</param>
    /// <param name="pods">The pods of the node; those in the namespace "security" are sensors by their label run, all others are in
    /// scope.</param>
    public AgentOnNode(NodeNetwork node, string sensor, params (string Namespace, PodNetwork Pod)[] pods)
        : this(node, sensor, [], pods)
    {
    }

    /// <param name="node">Where it runs.</param>
    /// <param name="sensor">The policy's sensor part, as YAML in braces.</param>
    /// <param name="wrapper">A command that runs the one that follows it.</param>
    /// <param name="pods">The pods of the node.</param>
    /// <param name="further">Further arguments of <c>run</c>.</param>
    public AgentOnNode(
        NodeNetwork node, string sensor, string[] wrapper, (string Namespace, PodNetwork Pod)[] pods, params string[] further)
    {
        _node = node;
        WritePods(pods);
        WritePolicy(sensor);
        _process = ChildProcess.Start(node.Namespace,
            [
                .. wrapper, .. AgentProgram.Command, "run", "--policy", _files.File("policy.yaml"),
                "--cluster-file", _files.File("cluster.json"), "--node-name", "n", "--listen", Listen.ToString(), .. further,
            ]);
        _client = new AgentClient(node.Namespace, Listen);
    }

    /// <summary>The last lines of its log.</summary>
    public string Log => _process.Errors;

    /// <summary>Mirrors the namespaces that are labelled mirror: on.</summary>
    /// <param name="sensor">Its sensor part, as YAML in braces.</param>
    public static string Policy(string sensor) => $$$"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {{{sensor}}}
        vni: 1
        rules:
        - name: all
          namespaceSelector: {matchLabels: {mirror: "on"}}
          vni: 4711
        """;

    /// <summary>Sensors are pods labelled run: sensor in the namespace security.</summary>
    public static string Selected => SelectedWith("reads: sniff");

    /// <summary>The same, with something more.</summary>
    public static string SelectedWith(string further) =>
        $"{{selector: {{matchLabels: {{run: sensor}}}}, namespaces: [security], {further}}}";

    /// <summary>The policy changes, as a whole: the agent may be reading.</summary>
    /// <param name="sensor">Its sensor part, as YAML in braces.</param>
    public void WritePolicy(string sensor) =>
        File.Move(_files.Write("policy.new", Policy(sensor)), _files.File("policy.yaml"), overwrite: true);

    /// <summary>The cluster changes: from now on these are all pods of the node.</summary>
    public void WritePods(params (string Namespace, PodNetwork Pod)[] pods)
    {
        object[] items =
        [
            .. pods.Select(pod => pod.Namespace).Distinct().Select(name => new
            {
                apiVersion = "v1", kind = "Namespace",
                metadata = new { name, uid = $"ns-{name}", labels = new { mirror = name is "security" or "unscoped" ? "off" : "on" } },
            }),
            .. pods.Select(pod => new
            {
                apiVersion = "v1",
                kind = "Pod",
                metadata = new { name = pod.Pod.Name, @namespace = pod.Namespace, uid = $"{pod.Pod.Name}-{pod.Pod.HostIndex}",
                    labels = new { run = pod.Namespace == "security" ? "sensor" : "app" } },
                spec = new { nodeName = "n" },
                status = new
                {
                    phase = "Running", podIP = $"{pod.Pod.Ipv4}",
                    podIPs = new[] { new { ip = $"{pod.Pod.Ipv4}" }, new { ip = $"{pod.Pod.Ipv6}" } },
                    conditions = new[] { new { type = "Ready", status = "True" } },
                },
            }),
        ];
        // As a whole or not at all: the agent may be reading.
        string written = _files.Write("cluster.new", JsonSerializer.Serialize(new { apiVersion = "v1", kind = "List", items }));
        File.Move(written, _files.File("cluster.json"), overwrite: true);
    }

    /// <summary>Waits until the agent says of itself what is expected.</summary>
    public async Task<AgentReading> UntilAsync(string what, Func<AgentReading, bool> condition)
    {
        long deadline = Environment.TickCount64 + 40_000;
        while (true)
        {
            string now;
            try
            {
                AgentReading reading = await _client.ReadAsync(default);
                if (condition(reading)) return reading;
                now = $"{reading.Status.Sensor} "
                    + string.Join("; ", reading.Status.Pods.Select(pod => $"{pod.Name} {pod.State} {pod.Reason}"))
                    + $" {reading.Ledger} {reading.LossesInWords}";
            }
            catch (HttpRequestException e)
            {
                now = e.Message;
            }

            if (_process.HasExited || Environment.TickCount64 > deadline)
                Assert.Fail($"not: {what}; {now}\n{_process.Unread}\n{_process.Errors}");
            await Task.Delay(50);
        }
    }

    /// <summary>Waits until so many pods are captured and the sensor is ready.</summary>
    public Task<AgentReading> ReadyAsync(int pods) =>
        UntilAsync($"{pods} pods captured, sensor ready",
            reading => reading.Status.Sensor.State == "ready" && reading.Captured.Count() == pods);

    /// <summary>Waits until nothing is in flight and nothing moves.</summary>
    public async Task<AgentReading> SettledAsync(long seen = 0)
    {
        long before = -1;
        return await UntilAsync($"{seen} seen and settled", reading =>
        {
            bool settled = reading.Ledger.Seen == before && reading.Ledger.Seen >= seen && reading.Balances;
            before = reading.Ledger.Seen;
            return settled;
        });
    }

    /// <summary>The value of a metric without labels.</summary>
    public async Task<double> MetricAsync(string name)
    {
        using Socket socket = _node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(Listen);
        // HTTP/1.0: the answer is not in chunks, which may end in the middle of a line.
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /metrics HTTP/1.0\r\n\r\n"));
        using var reader = new StreamReader(new NetworkStream(socket));
        string answer = await reader.ReadToEndAsync();
        string? line = answer.Split('\n').SingleOrDefault(text => text.StartsWith(name + " ", StringComparison.Ordinal));
        if (line is null) Assert.Fail($"no {name} in: {answer}\n{_process.Unread}\n{_process.Errors}");
        return double.Parse(line![(name.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>The end of a program that ends by itself.</summary>
    /// <returns>The exit code; null when it still runs after 30 s.</returns>
    public Task<int?> EndedAsync() => _process.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>SIGKILL, and the end of the program.</summary>
    public async Task KillAsync()
    {
        using (var process = Process.GetProcessById(_process.Id)) process.Kill();
        await _process.WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>SIGTERM, and the end of the program.</summary>
    /// <returns>The exit code; null when it still runs after 5 s.</returns>
    public async Task<int?> EndAsync()
    {
        _process.Terminate();
        return await _process.WaitAsync(TimeSpan.FromSeconds(5));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _process.DisposeAsync();
        _files.Dispose();
    }
}
