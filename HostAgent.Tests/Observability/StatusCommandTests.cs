using System.Globalization;
using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Observability;

/// <summary>The command as an operator runs it: as a program, beside a running agent on its node.</summary>
[Parallelizable]
internal sealed class StatusCommandTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private NodeNetwork _node = null!;
    private PodNetwork _client = null!;
    private PodNetwork _server = null!;
    private PodNetwork _sensor = null!;

    [SetUp]
    public void Build()
    {
        _node = TestNode.Create();
        (_client, _server, _sensor) = (_node.AddRouted("client"), _node.AddRouted("server"), _node.AddRouted("sensor", 9000));
    }

    [TearDown]
    public void Remove() => _node.Dispose();

    [Test]
    public async Task It_shows_what_the_running_agent_captures()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        long sent = await SmallUdp.RunAsync(_client, _server, _server.Ipv4, 1000, 100, 64, default);
        AgentReading settled = await agent.SettledAsync(sent);

        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, "status");
        Assert.That((run.Code, run.Errors), Is.EqualTo((0, "")));
        string[] lines = run.Output.TrimEnd('\n').Split('\n');
        Assert.That(Cells(lines[0]),
            Is.EqualTo(["NAMESPACE", "POD", "STATE", "RULE", "VNI", "LINK", "FOUND BY", "FRAMES", "LOST", "REASON"]));
        // The pods' kernels say things of their own accord, so what is shown is between the reading before and the one after.
        AgentReading after = await agent.SettledAsync(sent);
        string[] client = Cells(lines[1]);
        Assert.That(client[..7], Is.EqualTo(["a", "client", "captured", "all", "4711", "vethclient", "route"]));
        Assert.That(Number(client[7]),
            Is.InRange(settled.Pods[("a", "client")].Frames, after.Pods[("a", "client")].Frames).And.GreaterThanOrEqualTo(sent));
        Assert.That(Cells(lines[3])[..3], Is.EqualTo([AgentFiles.Security, "sensor", "not-selected"]));
        Assert.That(lines, Has.One.Matches($"^Node n, policy {settled.Status.PolicyRevision}: 3 pods, 2 in scope, 2 are captured\\.$"));
        Assert.That(lines, Has.One.StartsWith("Sensor ready (sniff): ").And.One.StartsWith("Governor at level 0 (full) since "));
        string sum = lines.Single(line => line.StartsWith("Since the agent's start, ledger: seen ", StringComparison.Ordinal));
        string seen = sum.Split(' ')[6];
        Assert.That(Number(seen), Is.InRange(settled.Ledger.Seen, after.Ledger.Seen));
    }

    [Test]
    public async Task Its_JSON_is_that_of_the_agent()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        AgentReading reading = await agent.SettledAsync();
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, "status", "--output", "json");
        Assert.That((run.Code, run.Errors), Is.EqualTo((0, "")));
        Assert.That(run.Output.TrimEnd('\n'), Does.Not.Contain('\n'));
        using var document = JsonDocument.Parse(run.Output);
        Assert.That(document.RootElement.GetProperty("pods").EnumerateArray().Select(pod => pod.GetProperty("name").GetString()),
            Is.EqualTo(reading.Status.Pods.Select(pod => pod.Name)));
        Assert.That(document.RootElement.GetProperty("ledger").GetProperty("seen").GetInt64(),
            Is.InRange(reading.Ledger.Seen, (await agent.SettledAsync()).Ledger.Seen));
    }

    [Test]
    public async Task Watched_it_shows_what_each_pod_carries_and_ends_in_good_order()
    {
        await using AgentOnNode agent = Agent();
        await agent.ReadyAsync(2);
        using var enough = new CancellationTokenSource();
        Task<long> traffic = SmallUdp.RunAsync(_client, _server, _server.Ipv4, 1000, long.MaxValue, 64, enough.Token);
        await using var watch = ChildProcess.Start(_node.Namespace, [.. AgentProgram.Command, "status", "--watch"]);

        using var patience = new CancellationTokenSource(Patience);
        string line;
        do line = await watch.ReadLineAsync(patience.Token);
        while (!line.StartsWith("NAMESPACE", StringComparison.Ordinal) || !line.Contains("FRAMES/S", StringComparison.Ordinal));
        Assert.That(Cells(line)[7..10], Is.EqualTo(["FRAMES/S", "MBIT/S", "LOST"]));
        string[] client = Cells(await watch.ReadLineAsync(patience.Token));
        Assert.That(double.Parse(client[7]), Is.Positive, string.Join('|', client));

        watch.Terminate();
        Assert.That(await watch.WaitAsync(Patience), Is.Zero, watch.Errors);
        await enough.CancelAsync();
        await traffic;
    }

    [Test]
    public async Task A_loss_comes_with_its_mend()
    {
        _node.Remove(_sensor);
        await using var agent = new AgentOnNode(_node, AgentFiles.Selected, ("a", _client), ("a", _server));
        await agent.UntilAsync("2 pods captured", reading => reading.Captured.Count() == 2);
        await SmallUdp.RunAsync(_client, _server, _server.Ipv4, 1000, 100, 64, default);
        await agent.UntilAsync("lost", reading => reading.Ledger.Losses["no_sensor"] > 0);
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, "status");
        Assert.That(run.Output, Does.Match("(?m)^Lost as no_sensor: [0-9,]+ frames; there is no sensor to send them to, .*\\.$"));
        Assert.That(run.Output, Does.Match("(?m)^Sensor missing \\(sniff\\): "));
    }

    [Test]
    public async Task Where_no_agent_answers_it_says_so_in_one_line()
    {
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, "status");
        Assert.That((run.Code, run.Output), Is.EqualTo((1, "")));
        Assert.That(run.Errors, Is.EqualTo("no agent answers at 127.0.0.1:9460 (Connection refused): see that it runs on this node, "
            + "and that --listen or HOSTAGENT_LISTEN is the same as its own\n"));
    }

    private AgentOnNode Agent() =>
        new(_node, AgentFiles.Selected, ("a", _client), ("a", _server), (AgentFiles.Security, _sensor));

    private static long Number(string text) => long.Parse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    /// <summary>Columns are at least two blanks apart.</summary>
    private static string[] Cells(string line) => line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
